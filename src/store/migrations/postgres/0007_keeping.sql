-- What each batch came to: a manifest when it ends, another whenever it is
-- changed after that. Rows are only ever added, each bound to the one before by
-- its hash (`records::manifest`). A batch's latest manifest says when it ended.
CREATE TABLE manifest (
    station  TEXT   NOT NULL,
    no       BIGINT NOT NULL CHECK (no > 0),
    -- A whole second of UTC: texts of one length, which sort by time.
    at       TEXT   NOT NULL CHECK (length(at) = 20),
    batch_id TEXT   NOT NULL REFERENCES batch (id),
    -- Of the batch's manifests, counted from 1: the last one holds.
    edition  BIGINT NOT NULL CHECK (edition > 0),
    -- JSON of `records::manifest::BatchManifest`.
    text     TEXT   NOT NULL,
    before   TEXT   NOT NULL CHECK (length(before) = 64),
    hash     TEXT   NOT NULL CHECK (length(hash) = 64),
    PRIMARY KEY (station, no),
    UNIQUE (batch_id, edition)
);

-- The end of each station's chain: whoever adds a row holds it meanwhile.
CREATE TABLE manifest_head (
    station TEXT   PRIMARY KEY,
    no      BIGINT NOT NULL,
    hash    TEXT   NOT NULL CHECK (length(hash) = 64)
);

CREATE TRIGGER manifest_is_not_changed BEFORE UPDATE ON manifest
FOR EACH ROW EXECUTE FUNCTION refuse('a manifest is never changed');

CREATE TRIGGER manifest_is_not_deleted BEFORE DELETE ON manifest
FOR EACH ROW EXECUTE FUNCTION refuse('a manifest is never deleted');

-- Batches whose originals were removed as their profiles say. The row comes
-- before the first file goes.
CREATE TABLE purge (
    batch_id   TEXT   PRIMARY KEY REFERENCES batch (id),
    at         TEXT   NOT NULL,
    -- How long they were kept, in the profile's words.
    after_days BIGINT NOT NULL CHECK (after_days > 0),
    -- When the last file was gone; none while some may be left.
    done_at    TEXT
);
CREATE INDEX purge_under_way ON purge (batch_id) WHERE done_at IS NULL;

CREATE FUNCTION purge_is_of_an_ended_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM batch WHERE id = NEW.batch_id AND state IN ('filed', 'discarded')
    ) OR NOT EXISTS (SELECT 1 FROM manifest WHERE batch_id = NEW.batch_id)
      OR EXISTS (SELECT 1 FROM work WHERE batch_id = NEW.batch_id) THEN
        RAISE EXCEPTION 'the batch has not come to its end' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER purge_is_of_an_ended_batch BEFORE INSERT ON purge
FOR EACH ROW EXECUTE FUNCTION purge_is_of_an_ended_batch();

CREATE TRIGGER purge_stands BEFORE DELETE ON purge
FOR EACH ROW EXECUTE FUNCTION refuse('what was removed does not come back');
