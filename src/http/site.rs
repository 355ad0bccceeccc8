//! One service, and what is told of each request beside its answer.

use std::rc::Rc;

use super::data_point::{self, Dataset};
use super::problem::Problem;
use crate::lookup::Lookup;
use crate::service::OptimizedMetadataService;
use crate::telemetry::event::Event;
use crate::telemetry::isolate::Isolate;
use crate::telemetry::log::Log;

/// A service, the isolate it runs in, and the dataset for its data points, if there is one.
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

    /// Counts a problem, and writes the data point of an answer for the image at the raw path, or of
    /// a problem at any other path. An answer with metadata has been counted by the service.
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
