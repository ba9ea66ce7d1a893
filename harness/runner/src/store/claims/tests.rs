//! Claims of many processes, which here are threads, and of some that were silent.

use std::{fs::File, thread};

use super::*;
use crate::made::trained_trial;

const LIFETIME: Duration = Duration::from_secs(900);

fn holder(task: usize) -> Holder {
    Holder { plan: "p".to_owned(), task, job: format!("7_{task}"), host: "n1".to_owned() }
}

fn claims(dir: &Path, task: usize) -> Claims {
    Claims::open(&Store::new(dir, "smoke"), holder(task), LIFETIME).unwrap()
}

/// Makes a claim look as if its holder had not been heard of for so long.
fn silence(claims: &Claims, trial: &Trial, silence: Duration) {
    let file = File::options().write(true).open(claims.path(trial)).unwrap();
    file.set_modified(SystemTime::now() - silence).unwrap();
}

fn is_taken(claim: &Claim) -> bool {
    *claim == Claim::Taken
}

#[test]
fn one_of_many_gets_a_trial_and_the_next_when_it_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let trial = trained_trial();
    let n_taken = thread::scope(|scope| {
        let ask = |task| {
            is_taken(&claims(dir.path(), task).take(&trained_trial(), TakeFrom::Expired).unwrap())
        };
        let started: Vec<_> = (0..16).map(|task| scope.spawn(move || ask(task))).collect();
        started
            .into_iter()
            .filter(|_| true)
            .map(|asked| asked.join().unwrap())
            .filter(|taken| *taken)
            .count()
    });
    assert_eq!(n_taken, 1);
    let there = Store::new(dir.path(), "smoke").claims_there();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0].0, trial.key());
    fs::remove_dir_all(dir.path().join("smoke")).unwrap();

    let (one, two) = (claims(dir.path(), 1), claims(dir.path(), 2));
    assert!(is_taken(&one.take(&trial, TakeFrom::Unclaimed).unwrap()));
    assert!(is_taken(&one.take(&trial, TakeFrom::Unclaimed).unwrap()), "it has it already");
    let Claim::Held(held) = two.take(&trial, TakeFrom::Expired).unwrap() else { panic!() };
    assert_eq!(held.holder, Some(holder(1)));
    assert!(!two.is_silent(&held));
    two.release(&trial).unwrap();
    assert_eq!(one.keep(&trial).unwrap(), Kept::Still, "nobody gives back what is another's");
    one.release(&trial).unwrap();
    assert!(is_taken(&two.take(&trial, TakeFrom::Unclaimed).unwrap()));
    assert_eq!(one.keep(&trial).unwrap(), Kept::Lost);
}

#[test]
fn a_claim_expires_when_its_holder_is_silent_and_lives_while_it_beats() {
    let dir = tempfile::tempdir().unwrap();
    let trial = trained_trial();
    let (one, two) = (claims(dir.path(), 1), claims(dir.path(), 2));
    one.take(&trial, TakeFrom::Unclaimed).unwrap();
    silence(&one, &trial, LIFETIME - Duration::from_secs(60));
    let Claim::Held(held) = two.take(&trial, TakeFrom::Expired).unwrap() else { panic!() };
    assert!(two.is_silent(&held));
    silence(&one, &trial, LIFETIME + Duration::from_secs(60));
    assert_eq!(one.keep(&trial).unwrap(), Kept::Still, "it wakes up before anybody has noticed");
    assert!(!is_taken(&two.take(&trial, TakeFrom::Expired).unwrap()));
    silence(&one, &trial, LIFETIME + Duration::from_secs(60));
    assert!(!is_taken(&two.take(&trial, TakeFrom::Unclaimed).unwrap()));
    assert!(is_taken(&two.take(&trial, TakeFrom::Expired).unwrap()));
    assert_eq!(one.keep(&trial).unwrap(), Kept::Lost, "it wakes up too late");
    one.release(&trial).unwrap();
    assert_eq!(two.keep(&trial).unwrap(), Kept::Still);
}

#[test]
fn of_many_that_find_a_claim_expired_one_takes_it_over() {
    let trial = trained_trial();
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let dead = claims(dir.path(), 99);
        dead.take(&trial, TakeFrom::Unclaimed).unwrap();
        silence(&dead, &trial, LIFETIME * 2);
        let winners: Vec<usize> = thread::scope(|scope| {
            let ask = |task| {
                let claims = claims(dir.path(), task);
                let taken = is_taken(&claims.take(&trained_trial(), TakeFrom::Expired).unwrap());
                taken.then_some(task)
            };
            let started: Vec<_> = (0..8).map(|task| scope.spawn(move || ask(task))).collect();
            started.into_iter().filter_map(|asked| asked.join().unwrap()).collect()
        });
        let there = Store::new(dir.path(), "smoke").claims_there();
        let names: Vec<_> = there.iter().map(|(_, held)| held.holder.clone().unwrap()).collect();
        assert_eq!(names, winners.iter().map(|&task| holder(task)).collect::<Vec<_>>());
        assert_eq!(dead.keep(&trial).unwrap(), Kept::Lost);
    }
}

#[test]
fn a_claim_that_is_gone_is_taken_anew_by_who_had_it() {
    let dir = tempfile::tempdir().unwrap();
    let (trial, one) = (trained_trial(), claims(dir.path(), 1));
    one.take(&trial, TakeFrom::Unclaimed).unwrap();
    fs::remove_file(one.path(&trial)).unwrap();
    assert_eq!(one.keep(&trial).unwrap(), Kept::Anew);
    assert_eq!(one.keep(&trial).unwrap(), Kept::Still);
    fs::write(one.path(&trial), "{").unwrap();
    assert_eq!(one.keep(&trial).unwrap(), Kept::Lost, "what cannot be read is somebody else's");
    silence(&one, &trial, LIFETIME * 2);
    assert!(is_taken(&one.take(&trial, TakeFrom::Expired).unwrap()), "and expires as others do");
}

#[test]
fn what_failed_is_left_alone_and_where_a_machine_may_be_the_reason_is_tried_elsewhere_once() {
    let dir = tempfile::tempdir().unwrap();
    let trial = trained_trial();
    let (one, two) = (claims(dir.path(), 1), claims(dir.path(), 2));
    one.note_failure(&trial, "fell off the bus", true).unwrap();
    assert!(matches!(one.take(&trial, TakeFrom::Expired).unwrap(), Claim::Failed(_)));
    assert!(is_taken(&two.take(&trial, TakeFrom::Expired).unwrap()));
    two.note_failure(&trial, "fell off the bus", true).unwrap();
    two.release(&trial).unwrap();
    let three = claims(dir.path(), 3);
    let Claim::Failed(note) = three.take(&trial, TakeFrom::Expired).unwrap() else { panic!() };
    assert_eq!((note.holder, note.reason.as_str()), (holder(2), "fell off the bus"));
    // Another plan begins anew.
    let again = Holder { plan: "q".to_owned(), ..holder(1) };
    let again = Claims::open(&Store::new(dir.path(), "smoke"), again, LIFETIME).unwrap();
    assert!(is_taken(&again.take(&trial, TakeFrom::Expired).unwrap()));
}

#[test]
fn claims_of_jobs_that_are_over_are_removed_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path(), "smoke");
    let trials = crate::made::trials();
    for (task, trial) in trials.iter().enumerate() {
        claims(dir.path(), task).take(trial, TakeFrom::Unclaimed).unwrap();
    }
    assert_eq!(store.remove_claims(&|holder| holder.job == "7_0").unwrap(), 1);
    let left: Vec<String> = store.claims_there().into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, [trials[1].key()]);
}
