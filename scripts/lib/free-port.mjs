// A port for a server of this machine.

import { once } from "node:events";
import { createServer } from "node:net";

/** Returns a port of the loopback interface that no program uses. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await once(server.close(), "close");
  return port;
}
