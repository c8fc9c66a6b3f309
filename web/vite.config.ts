/** How the page is built, tried and served while it is written. What is built goes into the binary: crates/api/build.rs. */
import tailwind from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { compress } from './compress.ts'

const server = process.env.HOLDFAST_SERVER ?? 'http://127.0.0.1:8000'
// The server takes changes only from its own origin; here the page comes from another one.
const proxy = Object.fromEntries(
  ['/api', '/ws'].map((path) => [path, { target: server, changeOrigin: true, ws: path === '/ws', headers: { origin: server } }]),
)

export default defineConfig({
  plugins: [vue(), tailwind(), compress()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy },
  preview: { proxy },
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  test: { environment: 'happy-dom', include: ['tests/unit/**/*.test.ts'] },
})
