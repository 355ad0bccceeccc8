//! The state that all routes share, and the recording of responses.

use std::rc::Rc;

use super::data_point::{self, Dataset};
use super::problem::Problem;
use crate::lookup::Lookup;
use crate::service::OptimizedMetadataService;
use crate::telemetry::event::Event;
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;

/// A service, the identity of its isolate, and the dataset for data points, if one is bound.
pub(super) struct Site<S> {
    service: Rc<OptimizedMetadataService<S>>,
    isolate: Isolate,
    dataset: Option<Box<dyn Dataset>>,
}

impl<S: Clone + 'static> Site<S> {
    pub(super) fn new(
        service: Rc<OptimizedMetadataService<S>>,
        isolate: Isolate,
        dataset: Option<Box<dyn Dataset>>,
    ) -> Self {
        Self {
            service,
            isolate,
            dataset,
        }
    }

    pub(super) fn service(&self) -> &Rc<OptimizedMetadataService<S>> {
        &self.service
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
        if let Some(dataset) = &self.dataset {
            let point = data_point::json(raw, outcome, &self.isolate);
            if let Err(cause) = dataset.write(&point) {
                let event = Event::DatasetFault { cause: &cause };
                self.service.log_at(&event, now_ms, log);
            }
        }
    }
}
