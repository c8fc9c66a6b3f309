//! Beginning a recording: everything that can be refused is refused before anything is created.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{Local, Utc};
use holdfast_model::{Level, RecordingId, Secret, Via, in_micros};
use holdfast_recorder::ports::{Account, NoRoute, Routes};
use holdfast_recorder::{Output, RecordRequest, Values, mask_url, stream_address};
use holdfast_store::{RecordingFull, RecordingRow, RecordingStatus};
use std::sync::Mutex;

use super::active::{Active, Earlier};
use crate::channels::Order;
use crate::routes::GatewayRoutes;
use crate::view::RecordingView;
use crate::wish::{RecordingWish, Stream};
use crate::{Engine, Refusal};

impl Engine {
    /// Starts a recording. Answers when its route is chosen and it is stored; the first byte comes later.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for what is no stream, [`Refusal::NoRoute`], [`Refusal::Conflict`] without Streamlink, with too little
    /// room on the disk, or if the stream is being recorded already, [`Refusal::Unavailable`]. Nothing is created then.
    pub async fn start_recording(&self, wish: RecordingWish) -> Result<RecordingView, Refusal> {
        let engine = self.clone();
        self.carry_out(async move {
            let order = engine.order(wish)?;
            engine.begin(order).await
        })
        .await
    }

    fn order(&self, wish: RecordingWish) -> Result<Order, Refusal> {
        let mut order = match wish.stream {
            Stream::Channel(id) => self.order_of(id)?,
            Stream::Address(address) => {
                let read = stream_address(&address).map_err(|error| Refusal::Invalid(error.to_string()))?;
                self.order_of_address(read.url, read.name)?
            }
        };
        if let Some(quality) = wish.quality.filter(|quality| !quality.trim().is_empty()) {
            order.quality = quality;
        }
        if !wish.tags.is_empty() {
            order.tags = wish.tags;
        }
        Ok(order)
    }

    /// Begins what is ordered.
    pub(crate) async fn begin(&self, order: Order) -> Result<RecordingView, Refusal> {
        let recordings = &self.inner.recordings;
        let tools = recordings.tools.clone().map_err(|error| Refusal::Conflict(error.to_string()))?;
        let masked = mask_url(&order.url);
        let _claim = recordings.claim(&order.url, &masked)?;
        let memory = &self.inner.memory;
        // Rows that somebody edited by hand count from here on.
        memory.refresh_for_a_wish().await?;
        let via = self.inner.gateway.recordings.prepare(&order.tags).await;
        let via = via.map_err(|error| Refusal::NoRoute(format!("{masked} was not recorded: {error}")))?;
        let _starting = recordings.starting.lock().await;
        let id = RecordingId::new();
        let output = self.output(&order, id)?;
        let floor = self.inner.channels.settings().disk_floor_bytes;
        output.check_room(floor).map_err(|error| Refusal::Conflict(error.to_string()))?;
        let mut request = RecordRequest::new(order.url.clone(), output, tools);
        request.id = id;
        request.tags.clone_from(&order.tags);
        request.quality.clone_from(&order.quality);
        self.equip(&mut request, order.channel);
        let row = new_row(order, &request, masked, &via);
        if recordings.is_closing() {
            return Err(Refusal::Unavailable("the server is being stopped".to_owned()));
        }
        memory.heed(memory.store().insert_recording(&row).await)?;
        let full = RecordingFull {
            row,
            routes: Vec::new(),
            gaps: Vec::new(),
            parts: Vec::new(),
            chapters: Vec::new(),
        };
        let view = RecordingView::from(&full);
        let message = format!("Recording of {} started", view.url);
        self.tell_recording("recording_started", Level::Info, message, &view);
        self.set_off(Active::new(full, Earlier::default()), request, Some(via));
        Ok(view)
    }

    /// Runs a recording in the background.
    pub(super) fn set_off(&self, active: Active, request: RecordRequest, prepared: Option<Via>) {
        let active = Arc::new(active);
        self.inner.recordings.lock().insert(active.id, Arc::clone(&active));
        if let Some(channel) = active.channel() {
            self.channel_recorded(channel, active.id);
            if self.channel(channel).is_err() {
                // Removed in this moment.
                active.forget_channel(channel);
            }
        }
        let gateway = GatewayRoutes::new(self.inner.gateway.recordings.clone());
        let routes = Prepared { gateway, prepared: Mutex::new(prepared), active: Arc::clone(&active) };
        self.inner.tracker.spawn(self.clone().follow(active, request, Arc::new(routes)));
    }

    /// A file name that nobody has.
    fn output(&self, order: &Order, id: RecordingId) -> Result<Output, Refusal> {
        let directory = &self.inner.recordings.directory;
        std::fs::create_dir_all(directory).map_err(|error| {
            Refusal::Conflict(format!("the directory {} cannot be created: {error}", directory.display()))
        })?;
        let taken: Vec<_> = self.inner.recordings.all().iter().map(|a| a.full().row.path).collect();
        if let Some(template) = &order.template {
            let values = Values {
                channel: order.name.clone(),
                title: order.scene.title.clone(),
                category: order.scene.category.clone(),
                at: Local::now(),
                id,
            };
            let is_taken = |path: &Path| taken.iter().any(|other| other == path);
            return Output::from_template(directory, template, &values, order.container, is_taken)
                .map_err(|error| Refusal::Conflict(error.to_string()));
        }
        let mut now = Local::now();
        loop {
            let output = Output::named(directory, &order.url, now, order.container);
            if !taken.iter().any(|path| path == output.path()) {
                return Ok(output);
            }
            // Another one of this second has the name but no file yet.
            now += chrono::TimeDelta::seconds(1);
        }
    }
}

fn new_row(order: Order, request: &RecordRequest, masked: String, via: &Via) -> RecordingRow {
    let channel = order.channel.map(|_| order.name.clone());
    RecordingRow {
        id: request.id,
        streamer_id: order.channel,
        url: Secret::new(order.url),
        url_masked: masked,
        title: Some(order.scene.title.unwrap_or(order.name)),
        quality: order.quality,
        tags: order.tags,
        status: RecordingStatus::Starting,
        started_at: in_micros(Utc::now()),
        ended_at: None,
        path: request.output.path().to_owned(),
        bytes: 0,
        duration_s: 0.0,
        via: Some(via.to_string()),
        failovers: 0,
        segments_lost: 0,
        seconds_lost: 0.0,
        error: None,
        resume: None,
        keep: false,
        category: order.scene.category,
        channel,
        thumbnail: None,
    }
}

/// The gateway's routes, with the first answer already there, and with an eye on the account.
struct Prepared {
    gateway: GatewayRoutes,
    prepared: Mutex<Option<Via>>,
    active: Arc<Active>,
}

#[async_trait]
impl Routes for Prepared {
    async fn prepare(&self, tags: &[String]) -> Result<Via, NoRoute> {
        let first = self.prepared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match first {
            Some(via) => Ok(via),
            None => self.gateway.prepare(tags).await,
        }
    }

    fn open(&self, recording: RecordingId, tags: &[String]) -> Arc<dyn Account> {
        let account = self.gateway.open(recording, tags);
        self.active.open(Arc::clone(&account));
        account
    }
}
