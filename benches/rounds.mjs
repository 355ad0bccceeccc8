/**
 * Measures each contender once per round, so that other load on the machine affects all of them. Every other round runs in
 * reverse order, so that none always follows the same one. Returns the measurements of each contender, in its position.
 */
export async function interleaved(rounds, contenders, measure) {
  const measured = contenders.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...contenders.keys()];
    if (round % 2) order.reverse();
    for (const index of order) measured[index].push(await measure(contenders[index]));
  }
  return measured;
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
