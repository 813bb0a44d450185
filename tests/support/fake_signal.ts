/** An AbortSignal that tells how many listeners it has. */
export interface FakeSignal {
  readonly signal: AbortSignal;
  readonly abort: (reason?: unknown) => void;
  readonly listeners: () => number;
}

/** Makes one. */
export function fakeSignal(): FakeSignal {
  const controller = new AbortController();
  const listening = new Set<unknown>();
  const add = controller.signal.addEventListener.bind(controller.signal);
  controller.signal.addEventListener = (
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ) => {
    listening.add(listener);
    const over = typeof options === "object" ? options.signal : undefined;
    over?.addEventListener("abort", () => listening.delete(listener));
    add(type, () => listening.delete(listener), { once: true });
    add(type, listener, options);
  };
  const { removeEventListener } = controller.signal;
  controller.signal.removeEventListener = (type: string, listener: never) => {
    listening.delete(listener);
    removeEventListener.call(controller.signal, type, listener);
  };
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    listeners: () => listening.size,
  };
}
