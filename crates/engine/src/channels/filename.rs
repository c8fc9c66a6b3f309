//! What a template of file names makes of a recording, before it is used: by the code that names the real ones.

use std::sync::LazyLock;

use chrono::Local;
use holdfast_model::RecordingId;
use holdfast_recorder::{Template, Values};

use crate::view::{ContainerView, FilenamePreview};
use crate::{Engine, Refusal};

/// The same for all examples: what is typed letter by letter changes nothing else.
static EXAMPLE: LazyLock<RecordingId> = LazyLock::new(RecordingId::new);

impl Engine {
    /// The name that a recording of this channel (any, if none is given) would get now, in this container (as in the
    /// settings, if none is given).
    ///
    /// # Errors
    /// [`Refusal::Invalid`] if the text is no template; it says why.
    pub fn filename_preview(
        &self,
        template: &str,
        channel: Option<String>,
        container: Option<ContainerView>,
    ) -> Result<FilenamePreview, Refusal> {
        let template = Template::parse(template).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let values = Values {
            channel: channel.filter(|name| !name.is_empty()).unwrap_or_else(|| "Channel".to_owned()),
            title: Some("Title of the stream".to_owned()),
            category: Some("Category".to_owned()),
            at: Local::now(),
            id: *EXAMPLE,
        };
        let container = container.unwrap_or_else(|| self.server_settings().container);
        Ok(FilenamePreview { path: format!("{}.{}", template.path(&values).display(), container.word()) })
    }
}
