//! `athena doctor`: asks everybody, and says what is wrong.

use athena_cache_observe::doctor::{Diagnosis, Facts, Level};

use super::{Session, operator};
use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::out::{Mark, Out};

pub(super) async fn run(session: &Session<'_>, args: &DoctorArgs) -> Result<Exit, Fault> {
    let redis = session.target.redis()?;
    let operator = operator(&redis)?;
    let target = &session.target;
    let asked = async {
        // Who is not reached is a finding.
        let reached = target.wait_for(&redis).await;
        (reached, Facts::ask(&*operator, &target.namespace, target.timeout).await)
    };
    let Some((reached, facts)) = session.stop.or(asked).await else {
        return Ok(Exit::Interrupted);
    };
    let diagnosis = Diagnosis::of(&facts);
    session.out.json(&diagnosis)?;
    show(session.out, &diagnosis)?;
    if diagnosis.nodes == 0 {
        return Ok(reached.err().map_or(Exit::Incomplete, |fault| fault.exit));
    }
    let is_trouble = diagnosis.faults > 0 || args.strict && diagnosis.warnings > 0;
    Ok(if is_trouble { Exit::Trouble } else { Exit::Fine })
}

fn show(out: &Out, diagnosis: &Diagnosis) -> Result<(), Fault> {
    let Diagnosis { findings, unknown, .. } = diagnosis;
    for finding in findings {
        let (word, mark) = match finding.level {
            Level::Fault => ("fault", Mark::Bad),
            Level::Warning => ("warning", Mark::Doubtful),
        };
        let on = match &finding.nodes[..] {
            [] => String::new(),
            nodes => format!("{}: ", nodes.join(", ")),
        };
        out.line(format!("{}: {on}{}", out.mark(word, mark), finding.found))?;
        out.line(format!("    why: {}", finding.why))?;
        out.line(format!("    fix: {}", finding.fix))?;
        out.line(format!("    see: {}", out.mark(finding.see, Mark::Faint)))?;
    }
    for unknown in unknown {
        out.line(format!("{}: {unknown}", out.mark("unknown", Mark::Faint)))?;
    }
    match (findings.is_empty(), unknown.is_empty()) {
        (false, _) => Ok(()),
        (true, true) => out.line(out.mark("fine", Mark::Good)),
        (true, false) => out.line("nothing is wrong with what is known"),
    }
}
