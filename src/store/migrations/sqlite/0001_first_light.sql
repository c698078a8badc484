-- A batch is one stack of paper under one profile. The profile's text is kept:
-- an edit of the file must not change how a half-done batch is separated.
CREATE TABLE batch (
    id                 TEXT PRIMARY KEY,
    state              TEXT NOT NULL CHECK (state IN ('scanning', 'scanned', 'in-question', 'filed')),
    profile_name       TEXT NOT NULL,
    profile_text       TEXT NOT NULL,
    station            TEXT NOT NULL,
    paper_from         TEXT NOT NULL CHECK (paper_from IN ('files', 'scanner')),
    -- As it was chosen; none for the only one there is.
    scanner            TEXT CHECK (scanner IS NULL OR paper_from = 'scanner'),
    -- JSON: name and length of each file, in feeding order.
    files              TEXT CHECK ((files IS NULL) = (paper_from = 'scanner')),
    -- JSON: the scanner's own options as set by hand, name and value, in order.
    scanner_options    TEXT NOT NULL,
    repository         TEXT NOT NULL,
    -- JSON of `records::batch::FilingPlace`, from before the first document on.
    filing_place       TEXT,
    expected_sheets    INTEGER CHECK (expected_sheets > 0),
    expected_documents INTEGER CHECK (expected_documents > 0),
    -- Of the whole batch; none where the stack's end closes it.
    max_pages          INTEGER CHECK (max_pages > 0),
    opened_at          TEXT NOT NULL
);

-- The row is the last act of the durable point: its file is synced before it.
CREATE TABLE page (
    batch_id   TEXT    NOT NULL REFERENCES batch (id),
    page_no    INTEGER NOT NULL CHECK (page_no > 0),
    sheet      INTEGER NOT NULL CHECK (sheet > 0),
    side       TEXT    NOT NULL CHECK (side IN ('front', 'back')),
    -- Those its sheet was scanned on: a front alone may be half a sheet.
    sides      TEXT    NOT NULL CHECK (sides IN ('front', 'back', 'front-then-back')),
    file       TEXT    NOT NULL,
    sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
    -- A file of no bytes is kept like any other that cannot be read.
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    scanned_at TEXT    NOT NULL,
    suspect    TEXT,
    image      INTEGER NOT NULL CHECK (image > 0),
    -- Of the file it came from; none where a scanner made it.
    source_sha256 TEXT CHECK (length(source_sha256) = 64),
    -- Half of a sheet that was stopped and fed again: kept, and in no document.
    fed_again  INTEGER NOT NULL DEFAULT 0 CHECK (fed_again IN (0, 1)),
    PRIMARY KEY (batch_id, page_no),
    UNIQUE (batch_id, file)
);

-- What the page step found, as JSON of `records::page::PageOutcome`.
CREATE TABLE page_outcome (
    batch_id TEXT    NOT NULL,
    page_no  INTEGER NOT NULL,
    outcome  TEXT    NOT NULL,
    PRIMARY KEY (batch_id, page_no),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no)
);

CREATE TABLE document (
    batch_id      TEXT    NOT NULL,
    first_page    INTEGER NOT NULL,
    document_type TEXT    NOT NULL,
    -- Where it was filed, and what; all or none.
    pdf_path      TEXT,
    pdf_sha256    TEXT CHECK (length(pdf_sha256) = 64),
    index_path    TEXT,
    index_sha256  TEXT CHECK (length(index_sha256) = 64),
    filed_at      TEXT,
    PRIMARY KEY (batch_id, first_page),
    FOREIGN KEY (batch_id, first_page) REFERENCES page (batch_id, page_no),
    CHECK ((filed_at IS NULL) = (pdf_path IS NULL)),
    CHECK ((filed_at IS NULL) = (pdf_sha256 IS NULL)),
    CHECK ((filed_at IS NULL) = (index_path IS NULL)),
    CHECK ((filed_at IS NULL) = (index_sha256 IS NULL))
);

-- What is in the repository stands: its batch is not separated again.
CREATE TRIGGER filed_document_stands BEFORE DELETE ON document
WHEN OLD.filed_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a filed document stands');
END;

CREATE TABLE index_field (
    batch_id   TEXT    NOT NULL,
    first_page INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    value      TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    PRIMARY KEY (batch_id, first_page, name),
    FOREIGN KEY (batch_id, first_page) REFERENCES document (batch_id, first_page) ON DELETE CASCADE
);

-- Every page of a separated batch stands in exactly one place.
CREATE TABLE placement (
    batch_id    TEXT    NOT NULL,
    page_no     INTEGER NOT NULL,
    place       TEXT    NOT NULL CHECK (place IN ('document', 'set-aside', 'question')),
    first_page  INTEGER,
    set_aside   TEXT,
    PRIMARY KEY (batch_id, page_no),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no),
    FOREIGN KEY (batch_id, first_page) REFERENCES document (batch_id, first_page),
    CHECK ((place = 'document') = (first_page IS NOT NULL)),
    CHECK ((place = 'set-aside') = (set_aside IS NOT NULL))
);

CREATE TABLE question (
    batch_id TEXT    NOT NULL,
    position INTEGER NOT NULL,
    page_no  INTEGER NOT NULL,
    -- JSON: the pages held, and `records::document::QuestionReason`.
    holds    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    PRIMARY KEY (batch_id, position),
    FOREIGN KEY (batch_id, page_no) REFERENCES page (batch_id, page_no)
);

-- A batch comes to its end with every page in its place; to filed, with every
-- document filed and no question left.
CREATE TRIGGER ended_batch_balances BEFORE UPDATE OF state ON batch
WHEN NEW.state IN ('in-question', 'filed') AND EXISTS (
    SELECT 1 FROM page LEFT JOIN placement USING (batch_id, page_no)
    WHERE page.batch_id = NEW.id AND placement.place IS NULL
)
BEGIN
    SELECT RAISE(ABORT, 'a page of the batch stands nowhere');
END;

CREATE TRIGGER filed_batch_is_filed BEFORE UPDATE OF state ON batch
WHEN NEW.state = 'filed' AND (
    EXISTS (SELECT 1 FROM question WHERE batch_id = NEW.id)
    OR EXISTS (SELECT 1 FROM placement WHERE batch_id = NEW.id AND place = 'question')
    OR EXISTS (SELECT 1 FROM document WHERE batch_id = NEW.id AND filed_at IS NULL)
)
BEGIN
    SELECT RAISE(ABORT, 'something of the batch is not filed');
END;
