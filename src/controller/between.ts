/** What controllers have in common when they ask each other. */
import { ControllerError, type ErrorCode } from '../errors.js';
import type { MessageContext } from '../node/handling.js';
import { hostOfController } from './names.js';

/**
 * A handler that nobody but controllers may call.
 * @returns It throws ControllerError ERR_FORBIDDEN to all others.
 */
export function forControllers<Answer>(
  handler: (body: unknown, context: MessageContext) => Answer,
): (body: unknown, context: MessageContext) => Answer {
  return (body, context) => {
    if (hostOfController(context.from) !== null) return handler(body, context);
    throw new ControllerError('ERR_FORBIDDEN', `${context.from} is no controller`);
  };
}

/** The error that another controller's answer tells, `{ code, message }`. */
export function toldError(answer: unknown): ControllerError {
  const { code, message } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  const isCode = typeof code === 'string' && code.startsWith('ERR_');
  return new ControllerError(isCode ? (code as ErrorCode) : 'ERR_HANDLER', String(message));
}
