//! A libsane backend that serves a folder of page images.
