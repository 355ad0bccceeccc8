/**
 * A fake of the rate limiting binding, as a Worker: it admits `limit` charges of each key, and fails or hangs on request. `GET /`
 * returns the charged keys in order.
 */
export const rateLimitSource = ({ limit = 0, fails = false, hangs = false }) => `
import { WorkerEntrypoint } from "cloudflare:workers";
const keys = [];
export class Limiter extends WorkerEntrypoint {
  async limit(options) {
    const { key } = options;
    keys.push(key);
    if (${fails}) throw new Error("the limiter is broken");
    if (${hangs}) await new Promise(() => setTimeout(() => {}, 1e9));
    return { success: keys.filter((one) => one === key).length <= ${limit} };
  }
}
export default { fetch: () => Response.json(keys) };`;
