/** Starts the page: the stores, the one socket, the shell. */
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from '@/App.vue'
import { router } from '@/router'
import { useClock } from '@/stores/clock'
import { useConnection } from '@/stores/connection'
import '@/styles/main.css'

const app = createApp(App)
app.use(createPinia())
app.use(router)
useClock().start()
const connection = useConnection()
connection.start()
connection.keepAwake()
app.mount('#app')
