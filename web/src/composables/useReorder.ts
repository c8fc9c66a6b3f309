/**
 * Drag and drop in a list that is drawn only in part: by pointer events, so that mouse, pen and finger are the same. While a row is
 * dragged, `over` is the place it would take; near the edge of the window the page scrolls. Escape leaves all as it was.
 */
import { onUnmounted, shallowRef } from 'vue'

const EDGE = 72

export function useReorder(drop: (from: number, to: number) => void) {
  const from = shallowRef<number | null>(null)
  const over = shallowRef<number | null>(null)
  let frame = 0
  let y = 0
  let x = 0

  function start(event: PointerEvent, index: number): void {
    if (event.button !== 0) return
    event.preventDefault()
    from.value = over.value = index
    x = event.clientX
    y = event.clientY
    window.addEventListener('pointermove', onMove)
    window.addEventListener('pointerup', onUp)
    window.addEventListener('pointercancel', stop)
    window.addEventListener('keydown', onKey)
    frame = requestAnimationFrame(scroll)
  }
  function onMove(event: PointerEvent): void {
    x = event.clientX
    y = event.clientY
    look()
  }
  function look(): void {
    const row = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-index]')
    if (row) over.value = Number(row.dataset.index)
  }
  function scroll(): void {
    const push = y < EDGE + 56 ? y - EDGE - 56 : y > innerHeight - EDGE ? y - innerHeight + EDGE : 0
    if (push !== 0) {
      scrollBy(0, push / 4)
      look()
    }
    frame = requestAnimationFrame(scroll)
  }
  function onUp(): void {
    const [a, b] = [from.value, over.value]
    stop()
    if (a !== null && b !== null && a !== b) drop(a, b)
  }
  function onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') stop()
  }
  function stop(): void {
    cancelAnimationFrame(frame)
    from.value = over.value = null
    window.removeEventListener('pointermove', onMove)
    window.removeEventListener('pointerup', onUp)
    window.removeEventListener('pointercancel', stop)
    window.removeEventListener('keydown', onKey)
  }
  onUnmounted(stop)
  return { from, over, start }
}
