// The admin token, for statistics and purges. In sessionStorage, so only this tab has it, until it is closed.

const TOKEN = "inspector.token";

export const token = () => sessionStorage.getItem(TOKEN);

export const setToken = (text) => sessionStorage.setItem(TOKEN, text);

/** Removes the token if this problem shows that it is not valid. */
export function checkToken({ status }) {
  if (status >= 400 && status < 500 && status !== 429) removeToken();
}

export const removeToken = () => sessionStorage.removeItem(TOKEN);

/** Returns the text of a problem with the token. */
export const tokenProblem = ({ status, detail }) => (status === 404 ? "This Worker has no ADMIN_TOKEN secret. Set one first." : detail);
