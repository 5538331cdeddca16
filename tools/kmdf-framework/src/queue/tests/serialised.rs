//! Execution levels and callback locks.

use nt_machine::{irql, threads};

use super::*;

#[test]
fn a_passive_queue_presents_in_a_work_item_when_it_must() {
    unsafe extern "win64" fn note_irql(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
        log(format!("at {}", irql::current()));
        complete(request, status::SUCCESS);
    }
    assert_clean(&world(|| {
        let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(note_irql), DefaultQueue: 1, ..queue_config(1) };
        let device = device_with(
            |_| {},
            move |device| {
                let passive = crate::structs::WDF_OBJECT_ATTRIBUTES { ExecutionLevel: 2, ..attributes() };
                create_queue(device, &config, &raw const passive).unwrap();
            },
        );
        let old = irql::raise(irql::DISPATCH);
        let sent = send_control(device, 4);
        assert_eq!(sent.outcome(), None);
        irql::lower(old);
        threads::block("completion", None, &|| sent.outcome().is_some());
        assert_eq!(taken(), ["at 0"]);
    }));
}

#[test]
fn a_serialised_queue_presents_under_its_lock_and_never_recursively() {
    thread_local! {
        static INSIDE: Cell<u32> = const { Cell::new(0) };
    }
    unsafe extern "win64" fn nested(_: Handle, request: Handle, _: usize, _: usize, code: u32) {
        INSIDE.set(INSIDE.get() + 1);
        log(format!("control {code} at {} depth {}", irql::current(), INSIDE.get()));
        complete(request, status::SUCCESS);
        INSIDE.set(INSIDE.get() - 1);
    }
    assert_clean(&world(|| {
        let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(nested), DefaultQueue: 1, ..queue_config(1) };
        let device = device_with(
            |_| {},
            move |device| {
                let scoped = crate::structs::WDF_OBJECT_ATTRIBUTES { SynchronizationScope: 3, ..attributes() };
                QUEUE.set(create_queue(device, &config, &raw const scoped).unwrap());
            },
        );
        let () = wdf!(WdfIoQueueStop, QUEUE.get(), None::<unsafe extern "win64" fn(Handle, usize)>, 0_usize);
        let sent: Vec<_> = (1..=2).map(|code| send_control(device, code << 2)).collect();
        let () = wdf!(WdfIoQueueStart, QUEUE.get());
        threads::block("completion", None, &|| sent.iter().all(|sent| sent.outcome().is_some()));
        assert_eq!(taken(), ["control 4 at 2 depth 1", "control 8 at 2 depth 1"]);
    }));
}

fn scoped_device(handler: unsafe extern "win64" fn(Handle, Handle, usize, usize, u32)) -> Handle {
    let config = WDF_IO_QUEUE_CONFIG { EvtIoDeviceControl: Some(handler), DefaultQueue: 1, ..queue_config(1) };
    device_with(
        |_| {},
        move |device| {
            let scoped = crate::structs::WDF_OBJECT_ATTRIBUTES { SynchronizationScope: 3, ..attributes() };
            QUEUE.set(create_queue(device, &config, &raw const scoped).unwrap());
        },
    )
}

#[test]
fn the_callback_lock_taken_inside_a_serialised_callback_is_fatal() {
    unsafe extern "win64" fn lock_again(queue: Handle, _: Handle, _: usize, _: usize, _: u32) {
        wdf!(WdfObjectAcquireLock, queue)
    }
    let finding = fatal(|| {
        let device = scoped_device(lock_again);
        let _sent = send_control(device, 4);
    });
    assert!(finding.text.contains("0x10D/0x2"), "{}", finding.text);
}

#[test]
fn the_callback_lock_keeps_other_threads_callbacks_out() {
    unsafe extern "win64" fn serve(_: Handle, request: Handle, _: usize, _: usize, _: u32) {
        log("served");
        complete(request, status::SUCCESS);
    }
    assert_clean(&world(|| {
        let device = scoped_device(serve);
        let () = wdf!(WdfObjectAcquireLock, QUEUE.get());
        assert_eq!(irql::current(), irql::DISPATCH);
        let done = std::rc::Rc::new(Cell::new(false));
        let end = std::rc::Rc::clone(&done);
        threads::spawn(
            "sender",
            irql::PASSIVE,
            Box::new(move || {
                assert!(send_control(device, 4).outcome().is_some());
                end.set(true);
            }),
        );
        log("holding");
        threads::point();
        let () = wdf!(WdfObjectReleaseLock, QUEUE.get());
        assert_eq!(irql::current(), irql::PASSIVE);
        threads::block("the sender", None, &|| done.get());
        assert_eq!(taken(), ["holding", "served"]);
    }));
}

#[test]
fn an_object_without_callback_lock_cannot_be_locked() {
    let finding = fatal(|| {
        device(config(1));
        wdf!(WdfObjectAcquireLock, QUEUE.get())
    });
    assert!(finding.text.contains("0x10D/0xB"), "{}", finding.text);
}
