//! The address of a PostgreSQL database, shown without its password.

use std::fmt;

use url::Url;

/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Box<Url>);

impl PostgresUrl {
    /// What is wrong with it, in words that do not repeat it.
    pub fn new(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL")?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err("does not begin with postgres://");
        }
        if url.path().trim_start_matches('/').is_empty() {
            return Err("names no database");
        }
        Ok(PostgresUrl(Box::new(url)))
    }

    pub fn with_its_password(&self) -> &str {
        self.0.as_str()
    }

    /// For programs that take the password by another way.
    pub fn and_password(&self) -> (String, Option<String>) {
        let mut without = self.0.clone();
        let password = self.0.password().map(|escaped| {
            percent_encoding::percent_decode_str(escaped).decode_utf8_lossy().into_owned()
        });
        if without.set_password(None).is_err() {
            // Only a URL without a host takes no password, and such a one has none.
            return (String::from(*without), None);
        }
        (String::from(*without), password)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if shown.password().is_some() && shown.set_password(Some("***")).is_err() {
            return f.write_str("postgres://***");
        }
        // A password may stand among the parameters too.
        shown.set_query(None);
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
