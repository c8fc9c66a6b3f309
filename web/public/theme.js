// Sets the stored theme before the first paint; stores/theme.ts changes it later.
try {
  const chosen = localStorage.getItem('holdfast.theme')
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
} catch {
  // No storage: the system's theme.
}
