// The event stream, kept alive: the browser reconnects what it can, this does the rest.

const SILENCE_MS = 30000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15000;

/**
 * Listens at `url` and calls `handlers[event](data)` for each event of those names.
 * `onState` hears "live" or "lost"; `onRefused` is called when the stream answers with an error. The answer's
 * `close()` ends it.
 */
export function listen(url, { handlers, onState, onRefused }) {
  let source = null;
  let retryMs = FIRST_RETRY_MS;
  let heardMs = performance.now();
  let isOver = false;

  function open() {
    if (isOver) return;
    source?.close();
    source = new EventSource(url);
    heardMs = performance.now();
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        heardMs = performance.now();
        retryMs = FIRST_RETRY_MS;
        onState("live");
        handle(JSON.parse(event.data));
      });
    }
    source.addEventListener("error", () => {
      onState("lost");
      if (source.readyState !== EventSource.CLOSED) return;
      onRefused();
      setTimeout(open, retryMs);
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    });
  }

  // A half-open connection raises no error: after a long silence a fresh stream brings a snapshot.
  const watch = setInterval(() => {
    if (source.readyState === EventSource.OPEN && performance.now() - heardMs > SILENCE_MS) open();
  }, 5000);
  window.addEventListener("online", open);
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) open(); });
  open();
  return {
    close() {
      isOver = true;
      clearInterval(watch);
      source.close();
    },
  };
}
