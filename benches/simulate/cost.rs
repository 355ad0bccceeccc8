//! The platform's price of a month of requests.
//!
//! From <https://developers.cloudflare.com/workers/platform/pricing/>, as of November 2026. With Workers Cache, every
//! request is billed, whether or not the Worker runs, and so is every call through a service binding, which is
//! otherwise free. CPU time is billed if the Worker runs.

/// A price per million units beyond the included ones, in USD.
struct Price {
    per_million: f64,
    included_millions: f64,
}

impl Price {
    fn of(&self, millions: f64) -> f64 {
        self.per_million * (millions - self.included_millions).max(0.0)
    }
}

const SUBSCRIPTION: f64 = 5.0;
const REQUESTS: Price = Price {
    per_million: 0.30,
    included_millions: 10.0,
};
const CPU_MS: Price = Price {
    per_million: 0.02,
    included_millions: 30.0,
};
const KV_READS: Price = Price {
    per_million: 0.50,
    included_millions: 10.0,
};
const KV_WRITES: Price = Price {
    per_million: 5.0,
    included_millions: 1.0,
};

/// A month of requests.
#[derive(Debug, Clone, Copy)]
pub struct Month {
    pub millions: f64,
    /// The share of requests that come from other Workers through a service binding.
    pub service_share: f64,
    pub cpu_ms_per_run: f64,
    pub has_edge: bool,
    /// Each per request.
    pub runs: f64,
    pub kv_reads: f64,
    pub kv_writes: f64,
}

impl Month {
    /// Returns the price of the month in USD.
    pub fn usd(&self) -> f64 {
        let billed_share = if self.has_edge {
            1.0
        } else {
            1.0 - self.service_share
        };
        SUBSCRIPTION
            + REQUESTS.of(self.millions * billed_share)
            + CPU_MS.of(self.millions * self.runs * self.cpu_ms_per_run)
            + KV_READS.of(self.millions * self.kv_reads)
            + KV_WRITES.of(self.millions * self.kv_writes)
    }
}

/// Returns the share of service binding calls at which the edge costs as much as it saves, beyond the included units.
pub fn break_even_share(without: &Month, with: &Month) -> f64 {
    let of_runs = |month: &Month| month.runs * month.cpu_ms_per_run * CPU_MS.per_million;
    let of_kv = |month: &Month| {
        month.kv_reads * KV_READS.per_million + month.kv_writes * KV_WRITES.per_million
    };
    let saved = of_runs(without) + of_kv(without) - of_runs(with) - of_kv(with);
    saved / REQUESTS.per_million
}
