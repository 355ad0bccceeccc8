//! Which origins have the image of a path.

use crate::origin::endpoint::Endpoint;
use crate::origin::id::OriginId;
use crate::path::ImagePath;
use crate::path::query::{QueryError, QueryNames};

/// The origins of the settings, by path prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoutingTable {
    /// The longest prefixes first.
    routes: Vec<Route>,
}

/// The origins of the paths below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The decoded path of a folder, or an empty string for all paths.
    pub prefix: String,
    /// The query parameters that distinguish versions of an image.
    pub query: QueryNames,
    /// The places that are asked, in order: a further one only if those before, which are buckets, have no such object.
    pub endpoints: Vec<Endpoint>,
}

impl Route {
    /// Returns the path below the prefix, or `None` if `path` is not below it.
    #[must_use]
    pub(crate) fn below(&self, path: &ImagePath) -> Option<ImagePath> {
        path.below(&self.prefix)
    }

    /// Returns `true` if a record of `origin` may be served. Records of earlier versions have no origin, and may be
    /// served.
    pub(crate) fn accepts(&self, origin: Option<OriginId>) -> bool {
        origin.is_none_or(|origin| self.endpoints.iter().any(|endpoint| endpoint.id == origin))
    }

    fn takes(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.prefix.as_str());
        below.is_some_and(|below| self.prefix.is_empty() || below.starts_with('/'))
    }
}

impl RoutingTable {
    /// Creates a table of routes with different prefixes.
    #[must_use]
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        Self { routes }
    }

    /// Returns the route with the longest prefix of a decoded path.
    #[must_use]
    pub fn route(&self, path: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.takes(path))
    }

    /// Returns the routes, the longest prefixes first.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Returns the endpoints of all routes.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.routes.iter().flat_map(|route| &route.endpoints)
    }

    pub(crate) fn endpoints_mut(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        self.routes
            .iter_mut()
            .flat_map(|route| &mut route.endpoints)
    }

    /// Returns the path of the version that the query of a request selects.
    ///
    /// # Errors
    /// If the value of a parameter is out of form.
    pub fn version(&self, path: &ImagePath, raw_query: &str) -> Result<ImagePath, QueryError> {
        let query = self.version_query(path.as_str(), raw_query)?;
        Ok(path.with_query(&query))
    }

    /// Returns the query of the version that a request for `path` selects, or an empty string.
    ///
    /// # Errors
    /// If the value of a parameter is out of form.
    pub(crate) fn version_query(&self, path: &str, raw_query: &str) -> Result<String, QueryError> {
        // Without a query, no route is looked up.
        if raw_query.is_empty() {
            return Ok(String::new());
        }
        match self.route(path) {
            Some(route) => route.query.select(raw_query),
            None => Ok(String::new()),
        }
    }

    /// Returns `true` if images at `path` have versions.
    pub(crate) fn has_versions(&self, path: &str) -> bool {
        self.route(path)
            .is_some_and(|route| !route.query.is_empty())
    }
}
