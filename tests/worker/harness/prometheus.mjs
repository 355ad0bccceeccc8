/**
 * A strict parser of Prometheus' text format 0.0.4: it throws at anything it does not know. Beyond the grammar it enforces
 * the rules of scrapers and promtool:
 * - HELP and TYPE precede the samples of a family, and the lines of a family are contiguous;
 * - no sample is repeated;
 * - the names of counters, and of no other type, end in `_total`;
 * - the buckets of a histogram ascend, and the last one equals its count.
 *
 * Returns a Map of families by name: `{ type, help, samples: [{ name, labels, value }] }`.
 */
export function parsePrometheus(text) {
  if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
  const families = new Map();
  const seen = new Set();
  let family;
  for (const line of text.slice(0, -1).split("\n")) {
    const help = line.match(/^# HELP ([a-z][a-z0-9_]*) (\S.*)$/);
    const type = line.match(/^# TYPE ([a-z][a-z0-9_]*) (counter|gauge|histogram)$/);
    const sample = line.match(/^([a-z][a-z0-9_]*)\{(.*)\} (\d+(?:\.\d+)?)$/);
    if (help) {
      if (families.has(help[1])) throw new Error(`${help[1]} is not contiguous`);
      family = { name: help[1], help: help[2], samples: [] };
      families.set(family.name, family);
    } else if (type) {
      if (type[1] !== family?.name || family.type) throw new Error(`TYPE out of place: ${line}`);
      if ((type[2] === "counter") !== family.name.endsWith("_total")) throw new Error(`name does not match the type: ${line}`);
      family.type = type[2];
    } else if (sample) {
      const [, name, list, value] = sample;
      const own = family?.type === "histogram" ? ["_bucket", "_sum", "_count"].map((suffix) => family.name + suffix) : [family?.name];
      if (!family?.type || !own.includes(name)) throw new Error(`sample out of place: ${line}`);
      const labels = labelsOf(list);
      const identity = name + JSON.stringify(Object.entries(labels).sort());
      if (seen.has(identity)) throw new Error(`duplicate sample: ${line}`);
      seen.add(identity);
      family.samples.push({ name, labels, value: Number(value) });
    } else {
      throw new Error(`invalid line: ${line}`);
    }
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family);
  return families;
}

function labelsOf(list) {
  const labels = {};
  for (const [label, name, value] of list.matchAll(/([a-z_]+)="([^"\\\n]*)"(?:,|$)/g)) {
    if (name in labels) throw new Error(`duplicate label: ${name}`);
    labels[name] = value;
    list = list.replace(label, "");
  }
  if (list !== "" || Object.keys(labels).length === 0) throw new Error(`bad labels: ${list}`);
  return labels;
}

function checkHistogram({ name, samples }) {
  const series = new Map();
  for (const { name: sample, labels, value } of samples) {
    const { le, ...own } = labels;
    const key = JSON.stringify(own);
    if (!series.has(key)) series.set(key, { buckets: [] });
    if (sample.endsWith("_bucket")) series.get(key).buckets.push([le === "+Inf" ? Infinity : Number(le), value]);
    else series.get(key)[sample.slice(name.length)] = value;
  }
  for (const [key, { buckets, _sum: sum, _count: count }] of series) {
    const ascending = buckets.every(([le, value], n) => n === 0 || (le > buckets[n - 1][0] && value >= buckets[n - 1][1]));
    if (!ascending) throw new Error(`${name}${key} does not ascend`);
    const [last, all] = buckets.at(-1);
    if (last !== Infinity || all !== count || sum === undefined) throw new Error(`${name}${key} does not add up`);
  }
}
