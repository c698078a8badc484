-- Sheets that go through a one-sided feeder twice: all fronts, then the turned
-- stack's backs. A page's side says which pass it came in. Until the batch is
-- collated, `page.sheet` of a back is its place in the turned stack: such a batch
-- is not separated.
ALTER TABLE batch ADD COLUMN two_passes TEXT
    CHECK (two_passes IN ('fronts', 'backs', 'collated', 'fronts-only'))
    CHECK (two_passes IS NULL OR two_passes IN ('collated', 'fronts-only')
           OR state IN ('open', 'scanning', 'paused', 'discarded'));
