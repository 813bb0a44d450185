import process from "node:process";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const stops = new Set<() => Promise<unknown>>();
const quit = () =>
  void Promise.allSettled([...stops].map((stop) => stop())).then(() => process.exit(1));

/** Has something be stopped before this process ends by a signal; what it returns calls that off. */
export function beforeQuitting(stop: () => Promise<unknown>): () => void {
  if (stops.size === 0) { for (const signal of signals) process.on(signal, quit); }
  stops.add(stop);
  return () => {
    stops.delete(stop);
    if (stops.size === 0) { for (const signal of signals) process.removeListener(signal, quit); }
  };
}
