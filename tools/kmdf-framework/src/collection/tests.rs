//! Collections keep their items alive.

use nt_kernel::pool;
use nt_machine::findings::Rule;

use crate::objects::{self, Handle};
use crate::status;
use crate::structs::WDF_OBJECT_ATTRIBUTES;
use crate::testing::*;

const NO_ATTRIBUTES: *const WDF_OBJECT_ATTRIBUTES = std::ptr::null();

fn collection() -> Handle {
    driver();
    let mut collection = Handle::NULL;
    let status: i32 = wdf!(WdfCollectionCreate, NO_ATTRIBUTES, &raw mut collection);
    assert_eq!(status, status::SUCCESS);
    collection
}

fn object() -> Handle {
    let mut object = Handle::NULL;
    let status: i32 = wdf!(WdfObjectCreate, NO_ATTRIBUTES, &raw mut object);
    assert_eq!(status, status::SUCCESS);
    object
}

fn add(collection: Handle, item: Handle) -> i32 {
    wdf!(WdfCollectionAdd, collection, item)
}

#[test]
fn items_stay_in_order_and_alive() {
    assert_clean(&world(|| {
        let collection = collection();
        let items = [object(), object(), object()];
        for item in items {
            assert_eq!(add(collection, item), status::SUCCESS);
            let () = wdf!(WdfObjectDelete, item);
            assert!(objects::find(item).is_some());
        }
        let () = wdf!(WdfCollectionRemove, collection, items[0]);
        assert!(objects::find(items[0]).is_none());
        let ends: [Handle; 3] = [
            wdf!(WdfCollectionGetFirstItem, collection),
            wdf!(WdfCollectionGetLastItem, collection),
            wdf!(WdfCollectionGetItem, collection, 2_u32),
        ];
        assert_eq!(ends, [items[1], items[2], Handle::NULL]);
        let () = wdf!(WdfCollectionRemoveItem, collection, 1_u32);
        let count: u32 = wdf!(WdfCollectionGetCount, collection);
        assert_eq!(count, 1);
        let () = wdf!(WdfObjectDelete, collection);
        assert!(items.iter().all(|item| objects::find(*item).is_none()));
    }));
}

#[test]
fn an_item_that_cannot_be_added_is_let_go() {
    assert_clean(&world(|| {
        let collection = collection();
        let item = object();
        pool::set_failure(Some(1));
        assert_eq!(add(collection, item), status::UNSUCCESSFUL);
        pool::set_failure(None);
        assert_eq!(objects::any(item, "item").references(), 1);
    }));
}

#[test]
fn removing_what_is_not_there_is_a_finding() {
    let findings = world(|| {
        let collection = collection();
        let () = wdf!(WdfCollectionRemoveItem, collection, 0_u32);
        let () = wdf!(WdfCollectionRemove, collection, object());
    });
    assert_eq!(rules(&findings), [Rule::BadArgument, Rule::BadArgument]);
}
