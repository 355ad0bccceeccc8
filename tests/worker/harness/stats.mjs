const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const BOUNDS_S = [10, 60, 300, 900, 3600, 14400, 43200, 86400];

const histogram = (le, counts) => ({
  le,
  counts: Array.from({ length: le.length + 1 }, (_, n) => counts[n] ?? 0),
  sum: 0,
  count: counts.reduce((sum, count) => sum + count, 0),
});

const stats = {
  isolate: { id: "3f9a0c71d25e8b44", startedAt: 1_790_000_000_000, ageMs: 754_000 },
  version: "0.1.0",
  answers: { memory: 18213, kv: 1204, origin: 302, inflight: 41 },
  stale: 12,
  errors: { "not-found": 7, "origin-timeout": 1 },
  layers: { memory: { hits: 18213, misses: 1547 }, kv: { hits: 1204, misses: 302 }, origin: { hits: 302, misses: 8 } },
  kv: { reads: 1506, writes: 302, deletes: 3, failures: 1 },
  origin: { fetches: 310, failures: 8 },
  coalesced: 41,
  refreshes: 12,
  evictions: 200,
  inFlight: 2,
  entries: 812,
  capacity: 1000,
  durationsMs: {
    memory: histogram(BOUNDS_MS, [18213]),
    kv: histogram(BOUNDS_MS, [0, 12, 160, 520, 390, 100, 20, 2]),
    origin: histogram(BOUNDS_MS, [0, 0, 0, 0, 2, 40, 121, 88, 40, 9, 1, 1]),
    inflight: histogram(BOUNDS_MS, [0, 0, 0, 2, 6, 14, 12, 5, 2]),
  },
  agesS: histogram(BOUNDS_S, [22, 40, 96, 180, 260, 130, 60, 20, 4]),
};

/** Has a Worker without `/stats` answer it, as far as a page can tell. */
export async function statsOf(page, site, token) {
  const { status } = await site.get("/stats", { Authorization: `Bearer ${token}` });
  if (status !== 404) return;
  await page.route("**/stats", (route) => {
    if (route.request().headers().authorization === `Bearer ${token}`) return route.fulfill({ json: stats });
    const problem = { title: "Forbidden", status: 403, detail: "This is not the admin token; check the secret ADMIN_TOKEN.", code: "forbidden" };
    return route.fulfill({ status: 403, json: problem });
  });
}
