//! What is wrong with the servers, on the page: the doctor's findings, for every reader; in the pictures of `p8` as well.

use athena_cache::Cache;

use crate::failing::picture;
use crate::many::ManyNodes;
use crate::reading::{is_narrow, is_readable, page_of};

#[test]
fn p6_what_is_wrong_is_listed_with_the_line_to_change() {
    let backend = ManyNodes::new(3);
    backend.stop(1);
    let cache = Cache::builder("shop").backend(backend.clone()).build().unwrap();
    let (_served, page) = page_of(&cache);
    page.wait("document.querySelector('#todo button')?.innerText === 'Examine…'");
    assert_eq!(backend.examined(), 0, "nobody has asked");
    page.eval("document.querySelector('#todo button').focus()");
    page.key("Enter");
    page.wait("document.querySelector('dialog[open]')");
    assert_eq!(page.eval("document.activeElement.innerText"), "Examine", "nothing is to be typed");
    page.key("Enter");
    page.wait("document.querySelector('.findings li')");
    let found = page.text("dialog");
    for part in ["faults: 1", "fault", "a node does not answer", "start it", "SCAN"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    let lines =
        page.eval("[...document.querySelectorAll('.findings code')].map(it => it.innerText)");
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    assert_eq!(page.eval("document.activeElement.innerText"), "Close");
    picture(&page, "examined");
    is_readable(&page, "findings");
    is_narrow(&page, "findings");
    page.key("Escape");
    page.wait("!document.querySelector('dialog')");
    assert_eq!(page.eval("document.activeElement.innerText"), "Examine…");
    assert_eq!((backend.examined(), page.console()), (1, Vec::<String>::new()));
}
