//! Where every durable write goes through: files, renames and their syncs.
