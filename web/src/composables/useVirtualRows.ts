/** A long list in the window's own scrolling, of which only the rows in sight are drawn: thousands scroll like ten. */
import { useWindowVirtualizer } from '@tanstack/vue-virtual'
import { computed, onMounted, onUnmounted, ref, type Ref } from 'vue'

interface Rows<T> {
  /** What stands around the rows. */
  box: Ref<HTMLElement | undefined>
  items: () => readonly T[]
  key: (item: T) => string | number
  /** The height of a row before it was drawn, in pixels. */
  height: () => number
}

export function useVirtualRows<T>({ box, items, key, height }: Rows<T>) {
  /** Where the list begins in the page: it moves when something above it grows. */
  const margin = ref(0)
  const measure = (): void => void (margin.value = (box.value?.getBoundingClientRect().top ?? 0) + scrollY)
  const observer = typeof ResizeObserver === 'undefined' ? undefined : new ResizeObserver(measure)
  onMounted(() => (measure(), observer?.observe(document.body)))
  onUnmounted(() => observer?.disconnect())

  return useWindowVirtualizer(
    computed(() => ({
      count: items().length,
      estimateSize: height,
      overscan: 8,
      scrollMargin: margin.value,
      getItemKey: (index: number) => {
        const item = items()[index]
        return item === undefined ? index : key(item)
      },
    })),
  )
}
