//! What the process that decodes says to the one that started it: its exit code.

use model::UploadProblem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Done,
    Refused(UploadProblem),
}

/// Away from the codes that others use: 1 and 2 for command lines, 101 for panics, 128 and above for signals.
const CODES: [(i32, UploadProblem); 6] = [
    (40, UploadProblem::TooBig),
    (41, UploadProblem::TooLong),
    (42, UploadProblem::NotSound),
    (43, UploadProblem::Damaged),
    (44, UploadProblem::Silent),
    (45, UploadProblem::Failed),
];

impl Verdict {
    pub(super) fn exit_code(self) -> i32 {
        match self {
            Verdict::Done => 0,
            Verdict::Refused(problem) => {
                CODES.iter().find(|(_, of)| *of == problem).map_or(45, |(code, _)| *code)
            }
        }
    }

    /// `code`: `None` where a signal ended it.
    pub(super) fn of(code: Option<i32>, signal: Option<i32>) -> Verdict {
        if code == Some(0) {
            return Verdict::Done;
        }
        if signal == Some(rustix::process::Signal::XCPU.as_raw()) {
            return Verdict::Refused(UploadProblem::Slow);
        }
        let known = CODES.iter().find(|(known, _)| Some(*known) == code);
        // It panicked, or had no memory left: it is the file that is wrong.
        Verdict::Refused(known.map_or(UploadProblem::Damaged, |(_, problem)| *problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_what_was_meant() {
        for (_, problem) in CODES {
            let verdict = Verdict::Refused(problem);
            assert_eq!(Verdict::of(Some(verdict.exit_code()), None), verdict);
        }
        assert_eq!(Verdict::of(Some(Verdict::Done.exit_code()), None), Verdict::Done);
        let (panicked, aborted, out_of_time) = ((Some(101), None), (None, Some(6)), (None, Some(24)));
        assert_eq!(Verdict::of(panicked.0, panicked.1), Verdict::Refused(UploadProblem::Damaged));
        assert_eq!(Verdict::of(aborted.0, aborted.1), Verdict::Refused(UploadProblem::Damaged));
        assert_eq!(Verdict::of(out_of_time.0, out_of_time.1), Verdict::Refused(UploadProblem::Slow));
    }
}
