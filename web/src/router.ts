/** The pages and their addresses. Each is loaded when it is first opened. */
import { createRouter, createWebHistory } from 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
  }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'overview', component: () => import('@/pages/OverviewPage.vue'), meta: { title: 'Overview' } },
    { path: '/channels', name: 'channels', component: () => import('@/pages/ChannelsPage.vue'), meta: { title: 'Channels' } },
    { path: '/recordings', name: 'recordings', component: () => import('@/pages/RecordingsPage.vue'), meta: { title: 'Recordings' } },
    { path: '/recordings/:id', name: 'recording', component: () => import('@/pages/RecordingDetailPage.vue'), props: true, meta: { title: 'Recording' } },
    { path: '/settings', redirect: { name: 'proxies' } },
    { path: '/proxies', redirect: { name: 'proxies' } },
    { path: '/settings/proxies', name: 'proxies', component: () => import('@/pages/ProxySettingsPage.vue'), meta: { title: 'Proxy Settings' } },
    {
      path: '/proxies/:id(\\d+)',
      name: 'proxy',
      component: () => import('@/pages/ProxyDetailPage.vue'),
      props: (route) => ({ id: Number(route.params.id) }),
      meta: { title: 'Proxy' },
    },
    { path: '/events', name: 'events', component: () => import('@/pages/EventsPage.vue'), meta: { title: 'Events' } },
    { path: '/:rest(.*)*', name: 'nowhere', component: () => import('@/pages/NotFoundPage.vue'), meta: { title: 'Not found' } },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})

router.afterEach((to) => {
  document.title = to.meta.title ? `${to.meta.title} · Holdfast` : 'Holdfast'
})
