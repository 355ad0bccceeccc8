import { once } from "node:events";

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
