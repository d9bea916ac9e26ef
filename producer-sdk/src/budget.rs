//! How many records, and of how many bytes, a producer holds at once: whoever puts more waits, in order.

use tokio::sync::Semaphore;

/// Room for records that have no outcome yet.
#[derive(Debug)]
pub(crate) struct Budget {
    records: Semaphore,
    bytes: Semaphore,
    records_max: usize,
    bytes_max: usize,
}

/// What records take of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl std::ops::AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    Now,
    EverAgain,
}

impl Budget {
    /// `bytes_max` must be room for the largest record.
    pub(crate) fn new(records_max: usize, bytes_max: usize) -> Self {
        let (records, bytes) = (Semaphore::new(records_max), Semaphore::new(bytes_max));
        Self { records, bytes, records_max, bytes_max }
    }

    /// Takes room for a record if there is any.
    pub(crate) fn try_take(&self, bytes: usize) -> Result<(), NoRoom> {
        let no_room = |error| match error {
            tokio::sync::TryAcquireError::NoPermits => NoRoom::Now,
            tokio::sync::TryAcquireError::Closed => NoRoom::EverAgain,
        };
        let record = self.records.try_acquire().map_err(no_room)?;
        let bytes = self.bytes.try_acquire_many(permits(bytes)).map_err(no_room)?;
        record.forget();
        bytes.forget();
        Ok(())
    }

    /// Waits for room for a record, behind whoever waits already, and takes it. `Err` once the budget is closed.
    pub(crate) async fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        let record = self.records.acquire().await.map_err(|_| NoRoom::EverAgain)?;
        let bytes = self.bytes.acquire_many(permits(bytes)).await.map_err(|_| NoRoom::EverAgain)?;
        record.forget();
        bytes.forget();
        Ok(())
    }

    pub(crate) fn give_back(&self, charge: Charge) {
        self.bytes.add_permits(charge.bytes);
        self.records.add_permits(charge.records);
    }

    /// No record is admitted any more, whoever waits.
    pub(crate) fn close(&self) {
        self.records.close();
        self.bytes.close();
    }

    /// What is held now.
    pub(crate) fn used(&self) -> Charge {
        Charge {
            records: self.records_max.saturating_sub(self.records.available_permits()),
            bytes: self.bytes_max.saturating_sub(self.bytes.available_permits()),
        }
    }
}

/// A record has less than 4 GiB.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Budget::new(2, 100);
        assert_eq!(budget.try_take(90), Ok(()));
        assert_eq!(budget.try_take(11), Err(NoRoom::Now));
        assert_eq!(budget.used(), Charge { records: 1, bytes: 90 }, "a refusal takes nothing");
        assert_eq!(budget.try_take(10), Ok(()));
        assert_eq!(budget.try_take(0), Err(NoRoom::Now));
        budget.give_back(Charge { records: 2, bytes: 100 });
        assert_eq!(budget.used(), Charge::default());
        budget.close();
        assert_eq!(budget.try_take(1), Err(NoRoom::EverAgain));
    }
}
