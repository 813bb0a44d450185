/** Puts this process's wall clock wrong by so many milliseconds, for good. */
export function skewClock(millis: number): void {
  const Right = Date;
  globalThis.Date = new Proxy(Right, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length ? args : [Right.now() + millis], newTarget),
    get: (target, name) => name === "now" ? () => Right.now() + millis : Reflect.get(target, name),
  });
}
