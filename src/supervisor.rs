//! The station's tasks: each has a name, and an owner who notices when it ends.
//!
//! A task that ends though the station is not draining has failed: it is
//! started again, and given up if it fails too often. Then the station ends and
//! whoever keeps it (systemd) starts it anew: going on after that is the path
//! of every start.

use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// So many failures within [`WINDOW`] are one too many.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);

/// Keeps a task that fails at once from taking the processor for itself.
const START_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The tasks of one station.
pub struct Supervisor {
    tasks: JoinSet<Ended>,
    draining: watch::Sender<bool>,
}

/// How a task came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    InOrder,
    GivenUp(&'static str),
}

impl Default for Supervisor {
    fn default() -> Self {
        Supervisor { tasks: JoinSet::new(), draining: watch::Sender::new(false) }
    }
}

impl Supervisor {
    /// True once the station is to end.
    pub fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    /// Keeps a task going; `start` makes it anew after a failure. It is to end
    /// soon after [`Supervisor::draining`] says so.
    pub fn keep<Task, Start>(&mut self, name: &'static str, start: Start)
    where
        Task: Future<Output = ()> + Send + 'static,
        Start: Fn() -> Task + Send + 'static,
    {
        let draining = self.draining();
        self.tasks.spawn(keep_going(name, start, draining));
    }

    /// Returns the name of a task that was given up.
    pub async fn given_up(&mut self) -> &'static str {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Ended::GivenUp(name))) => return name,
                Some(Ok(Ended::InOrder)) => {}
                Some(Err(error)) => tracing::error!(%error, "the keeper of a task broke off"),
                None => std::future::pending().await,
            }
        }
    }

    /// Ends all tasks, what they are at included; after `limit` they are broken
    /// off: what was under way is repeated at the next start.
    pub async fn drain(mut self, limit: Duration) -> Drained {
        self.draining.send_replace(true);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        match tokio::time::timeout(limit, all).await {
            Ok(()) => Drained::InOrder,
            Err(_) => Drained::BrokenOff,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    InOrder,
    BrokenOff,
}

async fn keep_going<Task, Start>(
    name: &'static str,
    start: Start,
    draining: watch::Receiver<bool>,
) -> Ended
where
    Task: Future<Output = ()> + Send + 'static,
    Start: Fn() -> Task,
{
    let mut failures: VecDeque<Instant> = VecDeque::new();
    loop {
        let mut task = JoinSet::new();
        task.spawn(start());
        let ended = task.join_next().await;
        if *draining.borrow() {
            return Ended::InOrder;
        }
        match ended {
            Some(Err(error)) => {
                tracing::error!(task = name, %error, "a task of the station failed")
            }
            Some(Ok(())) | None => tracing::error!(task = name, "a task of the station ended"),
        }
        let now = Instant::now();
        failures.retain(|failure| now.duration_since(*failure) < WINDOW);
        failures.push_back(now);
        if failures.len() >= FAILURES {
            return Ended::GivenUp(name);
        }
        sleep(START_AGAIN_AFTER).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_fails_is_started_again_and_then_given_up() {
        let starts = Arc::new(AtomicUsize::new(0));
        let mut supervisor = Supervisor::default();
        let counted = starts.clone();
        supervisor.keep("flaky", move || {
            let counted = counted.clone();
            async move {
                assert!(counted.fetch_add(1, Ordering::Relaxed) > 100, "it fails");
            }
        });
        assert_eq!(supervisor.given_up().await, "flaky");
        assert_eq!(starts.load(Ordering::Relaxed), FAILURES);
    }

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_what_is_under_way_and_no_longer_than_it_may() {
        for (takes_s, drained) in [(5, Drained::InOrder), (500, Drained::BrokenOff)] {
            let mut supervisor = Supervisor::default();
            let draining = supervisor.draining();
            supervisor.keep("slow", move || {
                let mut draining = draining.clone();
                async move {
                    draining.wait_for(|drains| *drains).await.expect("the supervisor is there");
                    sleep(Duration::from_secs(takes_s)).await;
                }
            });
            tokio::task::yield_now().await;
            assert_eq!(supervisor.drain(Duration::from_secs(60)).await, drained);
        }
    }
}
