//! Where documents are filed.
