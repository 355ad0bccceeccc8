/**
 * The floor: plain JavaScript that returns a constant Response, with the status, headers and body of a real answer.
 * No Worker that gives this answer can cost less. Its headers are a literal or prepared: which is cheaper is measured.
 */
export const floors = {
  literal: (answer) => `export default { fetch() { return ${response(answer)}; } };`,
  prepared: (answer) => `
    const headers = new Headers(${JSON.stringify(headersOf(answer))});
    export default { fetch() { return ${response(answer, "headers")}; } };`,
};

/** The JavaScript that makes such a Response. */
export function response(answer, headers = JSON.stringify(headersOf(answer))) {
  const body = answer.text ? JSON.stringify(answer.text) : "null";
  return `new Response(${body}, { status: ${answer.status}, headers: ${headers} })`;
}

/** Its headers but the one that the runtime adds. */
export function headersOf({ headers }) {
  const { "content-length": _, ...own } = headers;
  return own;
}
