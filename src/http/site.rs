//! The state that all routes share, and the recording of responses.

use std::rc::Rc;

use super::data_point::{self, Dataset};
use super::problem::Problem;
use crate::lookup::Lookup;
use crate::path::ImagePath;
use crate::path::query::split;
use crate::queue::Handled;
use crate::service::OptimizedMetadataService;
use crate::telemetry::event::Event;
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;

/// A service, the identity of its isolate, and the dataset for data points, if one is bound.
pub(super) struct Site<S> {
    service: Rc<OptimizedMetadataService<S>>,
    isolate: Isolate,
    dataset: Option<Box<dyn Dataset>>,
    bypasses_edge_cache: bool,
}

impl<S: Clone + 'static> Site<S> {
    pub(super) fn new(
        service: Rc<OptimizedMetadataService<S>>,
        isolate: Isolate,
        dataset: Option<Box<dyn Dataset>>,
        has_edge_cache: bool,
    ) -> Self {
        Self {
            bypasses_edge_cache: has_edge_cache && !service.config().edge_cache,
            service,
            isolate,
            dataset,
        }
    }

    /// Returns `true` if the platform's cache must store nothing: it is on, but the setting `edgeCache` is off, so purges would not reach
    /// it.
    pub(super) fn bypasses_edge_cache(&self) -> bool {
        self.bypasses_edge_cache
    }

    pub(super) fn service(&self) -> &Rc<OptimizedMetadataService<S>> {
        &self.service
    }

    /// Returns the canonical path of an image, with the query of its version.
    ///
    /// # Errors
    /// If the path is invalid, or a parameter that selects a version.
    pub(super) fn image_path(&self, raw: &str, query: &str) -> Result<ImagePath, Problem> {
        self.version(&ImagePath::from_raw(raw)?, query)
    }

    /// Returns the path of the version that `query` selects.
    ///
    /// # Errors
    /// If a parameter that selects a version is invalid.
    pub(super) fn version(&self, path: &ImagePath, query: &str) -> Result<ImagePath, Problem> {
        Ok(self.service.config().origins.version(path, query)?)
    }

    /// Returns the canonical path of text that may have a query, such as `photos/cat.jpg?v=3`.
    ///
    /// # Errors
    /// As [`image_path`](Self::image_path).
    pub(super) fn image_path_of(&self, text: &str) -> Result<ImagePath, Problem> {
        let (raw, query) = split(text);
        self.image_path(raw, query)
    }

    pub(super) fn isolate(&self) -> &Isolate {
        &self.isolate
    }

    pub(super) fn has_dataset(&self) -> bool {
        self.dataset.is_some()
    }

    /// Writes the data point of a response, and counts it if it is an error. The service counts responses with metadata
    /// itself. `raw` is the raw path of the image, or the path of a request that failed without one.
    pub(super) fn record(
        &self,
        raw: &str,
        outcome: Result<&Lookup, &Problem>,
        now_ms: u64,
        log: &dyn Log,
    ) {
        if let Err(problem) = outcome {
            self.service.metrics().count_problem(problem.code.name());
        }
        self.write(
            |isolate| data_point::json(raw, outcome, isolate),
            now_ms,
            log,
        );
    }

    /// Writes the data point of a message of the queue.
    pub(super) fn record_message(&self, message: &Handled, now_ms: u64, log: &dyn Log) {
        self.write(
            |isolate| data_point::of_message(message, isolate),
            now_ms,
            log,
        );
    }

    fn write(&self, point: impl FnOnce(&Isolate) -> String, now_ms: u64, log: &dyn Log) {
        if let Some(dataset) = &self.dataset
            && let Err(cause) = dataset.write(&point(&self.isolate))
        {
            let event = Event::DatasetFault { cause: &cause };
            self.service.log_at(&event, now_ms, log);
        }
    }
}
