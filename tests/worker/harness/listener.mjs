import { once } from "node:events";
import http from "node:http";

/**
 * Creates an HTTP server that never closes idle connections. workerd reuses them, and a connection closed by Node at that
 * moment would look like a fault of the fake service.
 */
export function createTestServer(serve, options = {}) {
  const server = http.createServer(options, serve);
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  return server;
}

/** Starts a server on a free port of the loopback interface; resolves with its address. */
export async function listen(server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${server.address().port}`;
}

/** Closes a server and all its connections. */
export function close(server) {
  server.close();
  server.closeAllConnections();
}
