//! The job that a process runs in, by the variables that Slurm sets.

/// An element of an array, or a job without elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    job: String,
    element: Option<String>,
    /// How often it was put back into the queue before.
    pub n_restarts: usize,
}

impl Element {
    /// The job of a process with these variables; none outside of Slurm.
    pub fn find(variable: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let n_restarts = given("SLURM_RESTART_COUNT").and_then(|n| n.parse().ok()).unwrap_or(0);
        // An element's own number may be the array's, which stands for all elements.
        match given("SLURM_ARRAY_JOB_ID").zip(given("SLURM_ARRAY_TASK_ID")) {
            Some((job, element)) => Some(Element { job, element: Some(element), n_restarts }),
            None => given("SLURM_JOB_ID").map(|job| Element { job, element: None, n_restarts }),
        }
    }

    /// What Slurm's commands know it by.
    pub fn name(&self) -> String {
        match &self.element {
            Some(element) => format!("{}_{element}", self.job),
            None => self.job.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Option<(&str, usize)>) {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = Element::find(&find).map(|element| (element.name(), element.n_restarts));
        assert_eq!(found, expected.map(|(name, n)| (name.to_owned(), n)));
    }

    #[test]
    fn an_element_is_named_by_its_array() {
        let array =
            [("SLURM_JOB_ID", "41"), ("SLURM_ARRAY_JOB_ID", "41"), ("SLURM_ARRAY_TASK_ID", "3")];
        check(&array, Some(("41_3", 0)));
        check(&[("SLURM_JOB_ID", "7"), ("SLURM_RESTART_COUNT", "2")], Some(("7", 2)));
        check(&[("SLURM_JOB_ID", "")], None);
        check(&[], None);
    }
}
