/** Light, dark, or as the system has it. Stored in this browser; public/theme.js sets it before the first paint. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'holdfast.theme'

export const useTheme = defineStore('theme', () => {
  const theme = ref<Theme>(stored())

  function choose(next: Theme): void {
    theme.value = next
    if (next === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = next
    try {
      localStorage.setItem(KEY, next)
    } catch {
      // No storage: it holds until the page is left.
    }
  }
  return { theme, choose }
})

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY)
    return found === 'light' || found === 'dark' ? found : 'system'
  } catch {
    return 'system'
  }
}
