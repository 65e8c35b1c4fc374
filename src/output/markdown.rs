//! Formats a plan as Markdown for the comment of a pull or merge request: a one-line summary, the losses, and the plan
//! in a collapsed section.

use std::fmt::Write;

use super::{plan, style::Style};
use crate::{
    kind::Registry,
    model::{Action, Address, Plan},
};

/// The maximum length of a comment on GitHub, in characters. GitLab and Jenkins allow more.
/// <https://docs.github.com/en/rest/issues/comments>
const LONGEST: usize = 65_536;

/// The maximum number of addresses in a line. Further addresses are only counted.
const NAMED: usize = 20;

/// Formats the plan, at most [`LONGEST`] characters long.
pub fn render(kinds: &Registry, plan: &Plan) -> String {
    let id = &plan.id;
    if plan.is_empty() {
        let targets: Vec<String> = plan.targets.iter().map(|target| format!("`{target}`")).collect();
        let of = if targets.is_empty() {
            ". The stack matches stack.yaml".to_owned()
        } else {
            format!(" of {}", targets.join(", "))
        };
        return format!("**`{id}`**: no changes{of}.\n");
    }
    let summary = plan::summary(plan);
    let counts = summary.trim_start_matches("Plan: ").trim_end_matches('.');
    let mut text = format!("**`{id}`**: {counts}.\n\n");
    for (action, words) in [(Action::Delete, "Deleted"), (Action::Replace, "Replaced")] {
        let of = plan.steps.iter().filter(|step| step.action == action).map(|step| &step.address);
        line(&mut text, words, &of.collect::<Vec<_>>());
    }
    for (address, why) in plan.guarded.iter().take(NAMED) {
        let _ = writeln!(text, "- Protected: `{address}`: {why}");
    }
    for (address, what) in plan.warnings.iter().take(NAMED) {
        let _ = writeln!(text, "- `{address}` {what}");
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    let look = plan::Look { style: Style::new(false), details: false, width: None };
    let whole = plan::render(kinds, plan, look);
    let fence = fence(&whole);
    let head = format!("{text}<details>\n<summary>The plan</summary>\n\n{fence}text\n");
    let foot = format!("{fence}\n\n</details>\n");
    let room = LONGEST - head.chars().count() - foot.chars().count();
    format!("{head}{}\n{foot}", cut(&whole, room - 1))
}

fn line(text: &mut String, words: &str, addresses: &[&Address]) {
    if addresses.is_empty() {
        return;
    }
    let named: Vec<String> = addresses.iter().take(NAMED).map(|address| format!("`{address}`")).collect();
    let more = match addresses.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let _ = writeln!(text, "- {words}: {}{more}", named.join(", "));
}

/// Returns a fence longer than any run of backticks in `text`, which could otherwise close it.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

/// Returns the first lines of `text` that fit in `room` characters, with a note of how many are left out.
fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let lines: Vec<&str> = text.lines().collect();
    let left = |kept: usize| format!("… and {} more lines: run `stackctl plan` to see them", lines.len() - kept);
    // The note is longest when no line is kept.
    let room = room.saturating_sub(left(0).chars().count());
    let (mut kept, mut used) = (0, 0);
    for line in &lines {
        used += line.chars().count() + 1;
        if used > room {
            break;
        }
        kept += 1;
    }
    let mut short = lines[..kept].join("\n");
    short.push('\n');
    short.push_str(&left(kept));
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Change, How, Shown, StackId, Step};

    fn step(address: &str, action: Action) -> Step {
        Step {
            address: address.parse().expect("it is one"),
            action,
            changes: Vec::new(),
            desired: Some(json!({ "field": "value" })),
            live: None,
            needs: Vec::new(),
        }
    }

    /// Formats the plan without any registered kinds.
    fn render(plan: &Plan) -> String {
        super::render(&Registry::new([]), plan)
    }

    fn plan(steps: Vec<Step>) -> Plan {
        let id = StackId { stack: "shop".into(), environment: "production".into() };
        Plan::new(id, steps)
    }

    #[test]
    fn losses_come_before_the_collapsed_plan() {
        let mut plan = plan(vec![
            step("secret.one", Action::Create),
            step("db_instance.database", Action::Replace),
            step("db_instance.database", Action::DeleteReplaced),
            step("cache.main", Action::Delete),
        ]);
        plan.guarded = vec![("db_instance.database".parse().expect("it is one"), "it is protected".into())];
        let text = render(&plan);
        let (above, below) = text.split_once("<details>").expect("it folds");
        assert_eq!(
            above,
            "**`shop/production`**: 1 to create, 1 to replace, 1 to delete.\n\n- Deleted: `cache.main`\n\
             - Replaced: `db_instance.database`\n- Protected: `db_instance.database`: it is protected\n\n"
        );
        assert!(below.starts_with("\n<summary>The plan</summary>\n\n```text\nPlan for shop/production:\n"), "{below}");
        assert!(below.contains("  + secret.one\n") && below.ends_with("\n```\n\n</details>\n"), "{below}");
    }

    #[test]
    fn a_plan_without_changes_is_one_line() {
        assert_eq!(render(&plan(Vec::new())), "**`shop/production`**: no changes. The stack matches stack.yaml.\n");
    }

    #[test]
    fn the_text_of_a_resource_cannot_close_the_fence() {
        let mut changed = step("alarm.web", Action::Update);
        let to = Shown::value("````</details> @everyone");
        changed.changes = vec![Change { field: "text".into(), from: Shown::Sensitive, to, how: How::InPlace }];
        let text = render(&plan(vec![changed]));
        assert!(text.contains("\n`````text\n") && text.contains("\n`````\n\n</details>\n"), "{text}");
        assert!(text.contains("(sensitive) → ````</details>"), "{text}");
    }

    #[test]
    fn a_comment_is_never_longer_than_github_takes() {
        for count in [3_500, 6_000, 12_000, 40_000] {
            let steps = (0..count).map(|n| step(&format!("secret.ü{n}"), Action::Create)).collect();
            let text = render(&plan(steps));
            assert!(text.chars().count() <= LONGEST, "{count}: {}", text.chars().count());
            assert!(text.ends_with("\n```\n\n</details>\n"), "{count}");
            let is_cut = text.contains(" more lines: run `stackctl plan` to see them\n```");
            assert_eq!(is_cut, count > 3_500, "{count}: {}", text.chars().count());
        }
        let gone = (0..9_000).map(|n| step(&format!("secret.n{n}"), Action::Delete)).collect();
        assert!(render(&plan(gone)).contains("`secret.n19` and 8980 more\n"));
    }
}
