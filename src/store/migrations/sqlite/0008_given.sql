-- What the repository did with a document: when it was seen to have taken it
-- away, or what it said was wrong with it.
ALTER TABLE document ADD COLUMN taken_at TEXT CHECK (taken_at IS NULL OR filed_at IS NOT NULL);
ALTER TABLE document ADD COLUMN refused TEXT CHECK (refused IS NULL OR filed_at IS NOT NULL);

CREATE INDEX document_given ON document (batch_id, first_page)
    WHERE filed_at IS NOT NULL AND taken_at IS NULL;
