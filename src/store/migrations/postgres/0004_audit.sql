-- Who did what, and when. Rows are only ever added, each bound to the one before
-- by its hash (`records::audit`). A batch that is forgotten keeps its rows.
CREATE TABLE audit (
    station  TEXT   NOT NULL,
    no       BIGINT NOT NULL CHECK (no > 0),
    at       TEXT   NOT NULL,
    actor    TEXT   NOT NULL CHECK (actor <> ''),
    action   TEXT   NOT NULL,
    batch_id TEXT   NOT NULL,
    page_no  BIGINT CHECK (page_no > 0),
    detail   TEXT   NOT NULL,
    before   TEXT   NOT NULL CHECK (length(before) = 64),
    hash     TEXT   NOT NULL CHECK (length(hash) = 64),
    PRIMARY KEY (station, no)
);
CREATE INDEX audit_by_batch ON audit (batch_id);

-- The end of each station's chain: whoever adds a row holds it meanwhile.
CREATE TABLE audit_head (
    station TEXT   PRIMARY KEY,
    no      BIGINT NOT NULL,
    hash    TEXT   NOT NULL CHECK (length(hash) = 64)
);

CREATE TRIGGER audit_row_is_not_changed BEFORE UPDATE ON audit
FOR EACH ROW EXECUTE FUNCTION refuse('an audit row is never changed');

CREATE TRIGGER audit_row_is_not_deleted BEFORE DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION refuse('an audit row is never deleted');
