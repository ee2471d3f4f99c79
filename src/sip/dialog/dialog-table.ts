import type { SipRequest } from '../message/index.js';
import type { InviteDialog } from './invite-dialog.js';

/** Every dialog that can be reached by a request, under Call-ID, local tag and remote tag (RFC 3261 §12). */
export class DialogTable {
  readonly #dialogs = new Map<string, InviteDialog>();

  get size(): number {
    return this.#dialogs.size;
  }

  add(dialog: InviteDialog): void {
    this.#dialogs.set(dialogKey(dialog.callId, dialog.localTag, dialog.remoteTag), dialog);
  }

  remove(dialog: InviteDialog): void {
    const key = dialogKey(dialog.callId, dialog.localTag, dialog.remoteTag);
    if (this.#dialogs.get(key) === dialog) this.#dialogs.delete(key);
  }

  /** The dialog a request belongs to; a peer of RFC 2543 may send no From tag (§12.2.2). */
  find(request: SipRequest): InviteDialog | undefined {
    return this.#dialogs.get(dialogKey(request.callId, request.to.tag ?? '', request.from.tag ?? ''));
  }

  values(): IterableIterator<InviteDialog> {
    return this.#dialogs.values();
  }
}

const dialogKey = (callId: string, localTag: string, remoteTag: string): string => `${callId} ${localTag} ${remoteTag}`;
