//! The jobs of a submission, and what the queue says of them.

use serde::{Deserialize, Serialize};

/// What `squeue` prints of a job: its JSON has another shape in every version.
pub(crate) const FORMAT: &str = "%F|%K|%T|%r|%N|%M";

/// More tasks than any plan has.
const MOST_TASKS: usize = 1 << 31;

/// The jobs of one submission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jobs {
    /// The arrays of its tasks.
    pub arrays: Vec<Array>,
    /// The job that writes the report.
    pub report: Option<String>,
    /// The cluster that took them, where there are several.
    pub cluster: Option<String>,
}

/// An array of tasks that follow one another in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Its number.
    pub job: String,
    /// The task of its element 0.
    pub first: usize,
    /// How many elements it has.
    pub n: usize,
}

/// An element of an array, or a job without elements, in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The job's number, which is the array's.
    pub job: String,
    /// Which element of it.
    pub element: Option<usize>,
    /// `RUNNING`, `PENDING` and so on.
    pub state: String,
    /// Why it waits, if it does.
    pub reason: String,
    /// Where it runs, if it does.
    pub node: String,
    /// How long it has run.
    pub elapsed: String,
}

impl Jobs {
    /// Whether these can be jobs: what a file says of them becomes arguments of Slurm's commands. An error names what
    /// is none.
    pub fn check(&self) -> Result<(), String> {
        let is_number = |id: &String| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit());
        if let Some(id) = self.ids().into_iter().find(|id| !is_number(id)) {
            return Err(format!("{id:?} is no job's number"));
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if let Some(cluster) = self.cluster.as_ref().filter(|name| !name.chars().all(is_name)) {
            return Err(format!("{cluster:?} is no cluster's name"));
        }
        match self.arrays.iter().find(|array| MOST_TASKS < array.first.saturating_add(array.n)) {
            Some(array) => Err(format!("array {} has tasks beyond {MOST_TASKS}", array.job)),
            None => Ok(()),
        }
    }

    /// The numbers of all of them.
    pub fn ids(&self) -> Vec<String> {
        let arrays = self.arrays.iter().map(|array| array.job.clone());
        arrays.chain(self.report.clone()).collect()
    }

    /// The array and the element of it that runs a task of the plan.
    pub fn element_of(&self, task: usize) -> Option<(&str, usize)> {
        let of_array = |array: &Array| (array.first..array.first + array.n).contains(&task);
        let array = self.arrays.iter().find(|array| of_array(array))?;
        Some((&array.job, task - array.first))
    }

    /// The task of the plan that is run by an element of the queue; none of the report.
    pub fn task_of(&self, queued: &Queued) -> Option<usize> {
        let array = self.arrays.iter().find(|array| array.job == queued.job)?;
        array.first.checked_add(queued.element?)
    }
}

impl Queued {
    /// Reads a line of `squeue`; none for one that has not these fields.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim().split('|').collect();
        let &[job, element, state, reason, node, elapsed] = fields.as_slice() else { return None };
        Some(Queued {
            job: job.to_owned(),
            element: element.parse().ok(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            node: node.to_owned(),
            elapsed: elapsed.to_owned(),
        })
    }

    /// Whether it has a node.
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "COMPLETING" | "CONFIGURING" | "SUSPENDED")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Jobs {
        let array = |job: &str, first, n| Array { job: job.to_owned(), first, n };
        let arrays = vec![array("40", 0, 100), array("41", 100, 50)];
        Jobs { arrays, report: Some("42".to_owned()), cluster: None }
    }

    #[test]
    fn a_task_and_its_element_find_each_other() {
        let jobs = jobs();
        assert_eq!(jobs.element_of(0), Some(("40", 0)));
        assert_eq!(jobs.element_of(149), Some(("41", 49)));
        assert_eq!(jobs.element_of(150), None);
        let queued = Queued::parse("41|49|RUNNING|None|n2|1:02:03\n").unwrap();
        assert_eq!(jobs.task_of(&queued), Some(149));
        assert!(queued.is_running());
        let report = Queued::parse("42|N/A|PENDING|Dependency||0:00").unwrap();
        assert_eq!((jobs.task_of(&report), report.is_running()), (None, false));
        assert_eq!(jobs.ids(), ["40", "41", "42"]);
    }

    #[test]
    fn what_can_be_no_job_is_never_an_argument() {
        assert_eq!(jobs().check(), Ok(()));
        let check = |change: &dyn Fn(&mut Jobs), expected: &str| {
            let mut jobs = jobs();
            change(&mut jobs);
            assert_eq!(jobs.check().unwrap_err(), expected);
        };
        check(&|jobs| jobs.arrays[0].job = "--me".to_owned(), "\"--me\" is no job's number");
        check(&|jobs| jobs.report = Some(String::new()), "\"\" is no job's number");
        check(&|jobs| jobs.cluster = Some("a b".to_owned()), "\"a b\" is no cluster's name");
        check(&|jobs| jobs.arrays[1].first = usize::MAX, "array 41 has tasks beyond 2147483648");
    }

    #[test]
    fn what_is_no_line_of_the_queue_is_passed_over() {
        for line in ["", "slurm_load_jobs error", "1|2|3"] {
            assert_eq!(Queued::parse(line), None, "{line}");
        }
    }
}
