/** What a reporter of node:test is told. */
interface TestEvent {
  readonly type: string;
  readonly data: { readonly name?: string; readonly file?: string };
}

/** A reporter of node:test that names each test as it begins: the last one is the one that hangs. */
export default async function* startedTests(events: AsyncIterable<TestEvent>) {
  for await (const { type, data: { file, name } } of events) {
    if (type === "test:dequeue") yield `${file}: ${name}\n`;
  }
}
