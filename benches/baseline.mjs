/**
 * The baselines: Workers in plain JavaScript that return a constant Response with the status, headers and body of a real
 * response. No Worker with this response can cost less. The headers are a literal, or are built once when it loads.
 */
export const baselines = {
  literal: (answer) => `export default { fetch() { return ${response(answer)}; } };`,
  prepared: (answer) => `
    const headers = new Headers(${JSON.stringify(headersOf(answer))});
    export default { fetch() { return ${response(answer, "headers")}; } };`,
};

/** Returns the JavaScript expression that creates such a Response. */
export function response(answer, headers = JSON.stringify(headersOf(answer))) {
  const body = answer.text ? JSON.stringify(answer.text) : "null";
  return `new Response(${body}, { status: ${answer.status}, headers: ${headers} })`;
}

/** Returns the headers, without the one that the runtime adds. */
export function headersOf({ headers }) {
  const { "content-length": _, ...own } = headers;
  return own;
}
