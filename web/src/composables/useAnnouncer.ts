/** Sentences for screen readers about what the eye sees anyway. App.vue has the element that is read out. */
import { ref } from 'vue'

export const announced = ref('')

export function announce(text: string): void {
  // The same text twice would not be read twice.
  announced.value = announced.value === text ? `${text}\u00a0` : text
}
