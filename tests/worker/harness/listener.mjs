import { once } from "node:events";
import http from "node:http";

/**
 * A server for workerd, which reuses idle connections: Node closing one at that moment would look like a fault of what it
 * stands in for.
 */
export function standIn(serve, options = {}) {
  const server = http.createServer(options, serve);
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

/** Has a server listen on a free port of the loopback interface; resolves with its address. */
export async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${server.address().port}`;
}

/** Ends a server and whatever is connected to it. */
export function close(server) {
  server.close();
  server.closeAllConnections();
}
