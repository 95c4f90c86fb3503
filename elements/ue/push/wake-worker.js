/**
 * Service worker of a browser that is a Push client: a push without a word in it (SPEC §5.8) is shown as a notification, and
 * pages that are open are told to register anew. A click opens the client, which registers, and so gets what waits.
 * A copy is served beside the client's page, which calls `navigator.serviceWorker.register('wake-worker.js?title=…')`.
 */
const title = new URL(self.location.href).searchParams.get('title') ?? 'A message waits for you'
const tag = 'proxima-wake' // the newest takes the place of the others

const pages = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true })

self.addEventListener('push', (event) => event.waitUntil(show()))
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open())
})

async function show() {
  for (const page of await pages()) page.postMessage({ type: tag })
  await self.registration.showNotification(title, { tag })
}

async function open() {
  const [page] = await pages()
  await (page === undefined ? self.clients.openWindow(self.registration.scope) : page.focus())
}
