//! For every reader: `p2` colours, widths and sizes, `p3` keyboard and screen reader.

use std::collections::HashSet;

use athena_cache::Cache;
use athena_cache_axum::{Actor, Caches, dashboard};
use axum::Router;
use serde_json::{Value, json};

use crate::browser::{Browser, Page, text};
use crate::many::ManyNodes;
use crate::served::Served;
use crate::shop;

/// The least contrast of a text that is not large.
const LEAST: f64 = 4.5;

/// Contrast of each text with what is behind it, by the styles that the browser has computed.
const CONTRASTS: &str = r"(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(it => { it /= 255; return it <= .04045 ? it / 12.92 : ((it + .055) / 1.055) ** 2.4; }); return .2126 * x + .7152 * y + .0722 * z; };
  const behind = node => { for (let at = node; at; at = at.parentElement) { const it = rgba(getComputedStyle(at).backgroundColor); if (it[3] > 250) return it; } return rgba(getComputedStyle(document.documentElement).backgroundColor); };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || node.closest('script, noscript, .sr') || !node.checkVisibility()) continue;
    const style = getComputedStyle(node), color = rgba(node instanceof SVGElement ? style.fill : style.color), ground = behind(node);
    const [high, low] = [light(color), light(ground)].sort((a, b) => b - a);
    found.push([(high + .05) / (low + .05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 5).concat([[found.length, 'texts']]);
})()";

fn page_of(cache: &Cache) -> (Served, Page) {
    let shown = Caches::from(cache).details(true);
    let page = dashboard(shown).actions(|_| Ok(Actor::new("ada")));
    let served = Served::new(|| Router::new().nest("/athena", page.into_router()));
    let page = Browser::shared().page();
    page.open(&served.url("/athena"));
    page.wait("state.view && document.querySelector('#checks details, #checks p')");
    (served, page)
}

fn is_readable(page: &Page, what: &str) {
    for scheme in ["light", "dark"] {
        page.prefers(&[("prefers-color-scheme", scheme)]);
        let contrasts = page.eval(CONTRASTS);
        let worst = contrasts[0][0].as_f64().unwrap();
        assert!(worst >= LEAST, "{what}, {scheme}: {contrasts}");
        page.eval("document.documentElement.style.setProperty('--soft', 'light-dark(#999, #555)')");
        let faded = page.eval(CONTRASTS)[0][0].as_f64().unwrap();
        assert!(faded < LEAST, "a pale text would be found");
        page.eval("document.documentElement.style.removeProperty('--soft')");
    }
    page.prefers(&[("forced-colors", "active")]);
    assert!(page.eval("matchMedia('(forced-colors: active)').matches").as_bool().unwrap());
    let frame = "getComputedStyle(document.getElementById('glance')).borderTopStyle";
    assert_eq!(page.eval(frame), "solid", "what is told by colour has an edge as well");
    page.prefers(&[]);
}

fn is_narrow(page: &Page, what: &str) {
    page.size(320, 800);
    let wide = page.eval("document.documentElement.scrollWidth");
    assert_eq!(wide, 320, "{what}: {}", page.eval("[...document.querySelectorAll('body *')].filter(it => it.getBoundingClientRect().right > 321).slice(0, 3).map(it => it.outerHTML.slice(0, 200))"));
    page.size(1280, 900);
}

#[test]
fn p2_200_nodes_are_readable_in_each_scheme_and_on_a_narrow_screen() {
    let backend = ManyNodes::new(100);
    let cache = Cache::builder("shop").backend(backend.clone()).build().unwrap();
    backend.stop(17);
    let (served, page) = page_of(&cache);
    shop::open(&served, &cache);
    page.wait("state.view.status.redisCluster.totalNodes === 200 && document.querySelector('#nodes [data-level=trouble]')");
    page.wait("document.querySelectorAll('#nodes .node.serves').length === 100 && state.sites.length === 7");
    assert_eq!(
        page.eval("document.querySelectorAll('#nodes > div > .primaries > li').length"),
        1,
        "the broken one is apart"
    );
    is_readable(&page, "many nodes");
    page.eval("document.querySelectorAll('details').forEach(it => it.open = true)");
    is_readable(&page, "with all open");
    is_narrow(&page, "many nodes");
}

#[test]
fn p2_256_functions_are_a_table_that_is_sorted_and_filtered() {
    let cache = Cache::in_memory("shop");
    let (_served, page) = page_of(&cache);
    let row = |number: usize| {
        json!({ "site": format!("shop::function_{number:03}"), "calls": number * 1000, "hits": number * 900,
        "stale": 0, "degraded": 0, "misses": number * 100, "joined": 0, "bypassed": 0, "failures": 0, "timeouts": 0, "refreshes": 0,
        "loadP50": 1.5, "loadP99": null })
    };
    let rows: Vec<_> = (0..256).map(row).collect();
    // What comes in next would replace it.
    page.eval(&format!("rest(); heardSites({})", json!(rows)));
    assert_eq!(page.eval("document.querySelectorAll('#sites tbody tr').length"), 256);
    let first = || page.text("#sites tbody th");
    assert_eq!(first(), "shop::function_255", "the busiest first");
    page.eval("document.querySelector('[data-keep=sort-site]').click()");
    assert_eq!(first(), "shop::function_000");
    assert_eq!(
        page.eval("document.querySelector('th[aria-sort]').getAttribute('aria-sort')"),
        "ascending"
    );
    page.eval("document.getElementById('filter').value = '_07'; sites()");
    assert_eq!(page.eval("document.querySelectorAll('#sites tbody tr').length"), 10);
    is_readable(&page, "many functions");
    is_narrow(&page, "many functions");
}

#[test]
fn p2_an_empty_cache_without_a_backend_says_so() {
    let (_served, page) = page_of(&Cache::in_memory("shop"));
    for (part, expected) in [
        ("#nodes", "This cache has no backend."),
        ("#sites", "No cached function was called yet."),
        ("#events", "Nothing out of the ordinary"),
        ("#waits", "Nobody has waited yet."),
    ] {
        assert!(page.text(part).starts_with(expected), "{part}: {}", page.text(part));
    }
    let shown = page.text("body");
    assert!(
        !shown.contains("NaN") && !shown.contains("undefined") && !shown.contains("null"),
        "{shown}"
    );
    is_readable(&page, "empty");
    is_narrow(&page, "empty");
}

/// Moves on by the keyboard; tells where the focus is.
fn tab(page: &Page) -> String {
    page.key("Tab");
    let focused = page.eval("(it => it === document.body ? '' : (it.id || it.dataset.keep || it.innerText || it.tagName))(document.activeElement)");
    text(&focused)
}

#[test]
fn p3_the_keyboard_reaches_every_control_in_order() {
    let (_served, page) = page_of(&Cache::in_memory("shop"));
    let reachable = page.eval("document.querySelectorAll('button, input, select, summary, [tabindex=\"0\"]').values().filter(it => it.checkVisibility()).toArray().length");
    let (mut met, mut order) = (HashSet::new(), Vec::new());
    loop {
        let focused = tab(&page);
        if focused.is_empty() || !met.insert(focused.clone()) {
            break;
        }
        let rect = page.eval("(({ top, left }) => [top + scrollY, left])(document.activeElement.getBoundingClientRect())");
        order.push(rect[0].as_f64().unwrap());
        let outline = page.eval("getComputedStyle(document.activeElement).outlineStyle");
        assert_eq!(outline, "solid", "the focus of {focused} is seen");
    }
    assert_eq!(u64::try_from(met.len()).ok(), reachable.as_u64(), "{met:?}");
    assert!(order.windows(2).all(|pair| pair[1] > pair[0] - 40.0), "from top to bottom: {order:?}");
}

#[test]
fn p3_a_dialog_is_opened_and_left_by_the_keyboard() {
    let (_served, page) = page_of(&Cache::in_memory("shop"));
    while !tab(&page).starts_with("Isolate") {}
    page.key("Enter");
    page.wait("document.querySelector('dialog[open]')?.contains(document.activeElement)");
    page.key("Escape");
    page.wait("!document.querySelector('dialog')");
    assert_eq!(
        page.eval("document.activeElement.innerText"),
        "Isolate…",
        "the focus is back where it was"
    );
}

#[test]
fn p3_a_screen_reader_finds_names_tables_and_one_voice() {
    let cache = Cache::builder("shop").backend(ManyNodes::new(3)).build().unwrap();
    let (served, page) = page_of(&cache);
    shop::open(&served, &cache);
    page.wait("document.querySelectorAll('svg[role=img]').length >= 3");
    let tree = page.ask("Accessibility.getFullAXTree", json!({}));
    let nodes: Vec<&Value> =
        tree["nodes"].as_array().unwrap().iter().filter(|it| it["ignored"] != true).collect();
    let of = |role: &str| {
        nodes.iter().filter(|it| it["role"]["value"] == role).copied().collect::<Vec<_>>()
    };
    let level = |node: &Value| {
        node["properties"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["name"] == "level")
            .map(|it| it["value"]["value"].clone())
    };
    assert_eq!(of("heading").iter().filter(|it| level(it) == Some(json!(1))).count(), 1);
    let images = of("image");
    assert!(images.len() >= 3, "the charts");
    for unnamed in images.iter().chain(&of("button")).chain(&of("searchbox")).chain(&of("table")) {
        assert!(unnamed["name"]["value"].as_str().is_some_and(|name| name.len() > 2), "{unnamed}");
    }
    for chart in ["traffic", "waits", "safety"] {
        page.eval(&format!("document.getElementById('t-{chart}').click()"));
        page.wait(&format!(
            "document.querySelector('#{chart}-table table, #{chart}-table')?.checkVisibility()"
        ));
    }
    assert_eq!(page.eval("document.querySelectorAll('[aria-live]').length"), 1, "one voice");
    // It speaks once for each change, and of nothing else.
    page.eval("rest(); window.spoken = 0; new MutationObserver(() => spoken++).observe($('spoken'), { childList: true, characterData: true, subtree: true })");
    let say = |level: &str| {
        page.eval(&format!("(() => {{ const it = structuredClone(state.view); it.glance.level = {level:?}; it.glance.sentence = 'It is ' + {level:?}; heard(it); heard(it); }})()"))
    };
    say("trouble");
    say("calm");
    page.wait("spoken === 2");
}
